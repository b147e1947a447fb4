"""Identity on the operator's word: whoever holds an ID token the operator minted is that user."""

from __future__ import annotations

from adapters.local_auth.signing import TokenKind, TokenSigner
from application.ports.clock import Clock
from domain.errors import InvalidRequest
from domain.user import User

_LONGEST_EMAIL = 254  # RFC 5321, section 4.5.3.1.3, less the angle brackets


class LocalIdentityProvider:
    """Mints ID tokens for e-mail addresses and verifies them; keeps no list of users.

    A user is known by the address alone, so a second token for it is the same user. The day of
    creation is the moment of asking; who keeps users keeps the first.

    Args:
        secret: at least 32 characters; who has it can be anybody.
        clock: tells what has expired.
    """

    def __init__(self, *, secret: str, clock: Clock) -> None:
        self._signer = TokenSigner(secret=secret, clock=clock)
        self._clock = clock

    def mint_id_token(self, email: str, lifetime_s: int) -> str:
        """Make an ID token.

        Args:
            email: case does not matter.
            lifetime_s: seconds it stands.

        Raises:
            InvalidRequest: this is no e-mail address.
        """
        return self._signer.sign(TokenKind.ID, {"sub": _normalised(email)}, lifetime_s)

    async def verify(self, id_token: str) -> User:
        """Tell whose ID token this is."""
        email = str(self._signer.verify(TokenKind.ID, id_token)["sub"])
        return User(
            user_id=f"local:{email}",
            email=email,
            display_name=email.partition("@")[0],
            photo_url=None,
            is_email_verified=True,
            providers=("local",),
            created_at=self._clock.now(),
        )

    async def check(self) -> None:
        """Nothing outside this process is needed, so this always works."""


def _normalised(email: str) -> str:
    address = email.strip().lower()
    mailbox, at, host = address.rpartition("@")
    if not (mailbox and at and host and address.isprintable()) or " " in address:
        raise InvalidRequest(f"{email!r} is no e-mail address", field="email")
    if len(address) > _LONGEST_EMAIL:
        raise InvalidRequest("the e-mail address is too long", field="email")
    return address
