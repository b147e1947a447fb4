"""Identity from ID tokens that the operator makes."""

from __future__ import annotations

from datetime import datetime

from adapters.local_auth.signing import TokenKind, TokenSigner
from application.ports.clock import Clock
from domain.errors import InvalidRequest
from domain.user import User

MAX_ID_TOKEN_S = 365 * 24 * 3600
_MAX_EMAIL_LENGTH = 254  # RFC 5321, section 4.5.3.1.3, less the angle brackets


class LocalIdentityProvider:
    """Makes ID tokens for e-mail addresses and verifies them; keeps no list of users.

    The address identifies the user, so a second token for it is the same user. ``created_at`` is
    the time of the call; the user repository keeps the first one.

    Args:
        secret: at least 32 characters; whoever knows it can sign in as any user.
        clock: for what has expired.
        clock_skew_s: seconds by which the clock that made a token may differ from this one.
    """

    def __init__(self, *, secret: str, clock: Clock, clock_skew_s: int = 0) -> None:
        self._signer = TokenSigner(secret=secret, clock=clock, clock_skew_s=clock_skew_s)
        self._clock = clock

    def mint_id_token(self, email: str, lifetime_s: float) -> str:
        """Make an ID token.

        Args:
            email: case does not matter.
            lifetime_s: seconds it is valid; at least one, at most a year.

        Raises:
            InvalidRequest: this is not an e-mail address, or the lifetime is not allowed.
        """
        # Written so that NaN is refused as well.
        if not 1 <= lifetime_s <= MAX_ID_TOKEN_S:
            raise InvalidRequest(
                "an ID token is valid for at least a second and at most "
                f"{MAX_ID_TOKEN_S // 3600} hours",
                field="hours",
            )
        return self._signer.sign(TokenKind.ID, {"sub": _normalise(email)}, lifetime_s)

    async def verify(self, id_token: str) -> User:
        """Verify an ID token and return its user."""
        email = str(self._signer.verify(TokenKind.ID, id_token).claims["sub"])
        return User(
            user_id=f"local:{email}",
            email=email,
            display_name=email.partition("@")[0],
            photo_url=None,
            is_email_verified=True,
            providers=("local",),
            created_at=self._clock.now(),
        )

    def issued_at(self, id_token: str) -> datetime:
        """When the ID token was made."""
        return self._signer.verify(TokenKind.ID, id_token).issued_at

    async def may_stay_signed_in(self, user_id: str, signed_in_at: datetime | None) -> bool:
        """Always True, because no list of users is kept; the service itself ends accounts."""
        return True

    async def check(self) -> None:
        """Does nothing: no external service is needed."""


def _normalise(email: str) -> str:
    address = email.strip().lower()
    mailbox, at, host = address.rpartition("@")
    if not (mailbox and at and host and address.isprintable()) or " " in address:
        raise InvalidRequest(f"{email!r} is not an e-mail address", field="email")
    if len(address) > _MAX_EMAIL_LENGTH:
        raise InvalidRequest("the e-mail address is too long", field="email")
    return address
