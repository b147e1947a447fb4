"""Signed tokens of several kinds, none of which is accepted as another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any

import jwt

from application.ports.clock import Clock
from domain.errors import InvalidToken
from domain.signing import check_secret

_ALGORITHM = "HS256"
_ISSUER = "emotion-api"
_MAX_TOKEN_LENGTH = 8192
_MAX_REMEMBERED = 1024
# What reading a token, or the times in it, may raise.
_UNREADABLE = (
    jwt.PyJWTError, ValueError, TypeError, OverflowError, OSError, RecursionError
)  # fmt: skip


class TokenKind(StrEnum):
    """The kind of a token, in its ``aud`` claim and its ``typ`` header."""

    ID = "emotion-api-id"
    ACCESS = "emotion-api-access"
    GUEST = "emotion-api-guest"


@dataclass(frozen=True, slots=True)
class SignedClaims:
    """The contents of a token of ours.

    Attributes:
        claims: by their names in the token; not to be changed.
        issued_at: when it was made.
        accepted_until: its expiry plus the tolerance for clocks that differ.
    """

    claims: dict[str, Any]
    issued_at: datetime
    accepted_until: datetime


class TokenSigner:
    """Makes and reads JSON Web Tokens (RFC 7519) signed with HMAC-SHA256.

    Args:
        secret: at least 32 characters.
        clock: for what has expired.
        clock_skew_s: seconds by which the clock that made a token may differ from this one.

    Raises:
        ValueError: the secret is too short.
    """

    def __init__(self, *, secret: str, clock: Clock, clock_skew_s: int) -> None:
        check_secret(secret)
        self._secret = secret
        self._clock = clock
        self._skew = timedelta(seconds=clock_skew_s)
        # A client sends the same token with every request. Refused tokens are not remembered.
        self._read = lru_cache(_MAX_REMEMBERED)(self._read_signed)

    def sign(self, kind: TokenKind, claims: dict[str, Any], lifetime_s: float) -> str:
        """Make a token that is valid for this many seconds."""
        now = self._clock.now().timestamp()
        # With the fraction, so that a token made in the same second as the end of an account is
        # before or after it.
        registered = {
            "iss": _ISSUER,
            "aud": kind.value,
            "iat": now,
            "exp": math.ceil(now + lifetime_s),
        }
        return jwt.encode(
            claims | registered,
            self._secret,
            algorithm=_ALGORITHM,
            headers={"typ": kind.value},
        )

    def verify(self, kind: TokenKind, token: str) -> SignedClaims:
        """Read a token of this kind.

        Raises:
            InvalidToken: malformed, forged, of another kind, expired, or not to be used yet.
        """
        signed = self._read(kind, token)
        now = self._clock.now()
        if signed.accepted_until <= now:
            raise InvalidToken("the token has expired")
        if signed.issued_at > now + self._skew:
            raise InvalidToken("the token was made in the future; check this machine's clock")
        return signed

    def claims_to_be(self, kind: TokenKind, token: str) -> bool:
        """Whether the token claims to be of this kind, valid or not. Never raises."""
        if len(token) > _MAX_TOKEN_LENGTH:
            return False
        try:
            return jwt.get_unverified_header(token).get("typ") == kind.value
        except (jwt.PyJWTError, ValueError, RecursionError):
            return False

    def _read_signed(self, kind: TokenKind, token: str) -> SignedClaims:
        """What a token says, whatever the time is."""
        if not self.claims_to_be(kind, token):
            raise InvalidToken("the token is malformed or of the wrong kind")
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[_ALGORITHM],
                audience=kind.value,
                issuer=_ISSUER,
                # Times are compared with the service's clock, not with the library's.
                options={
                    "require": ["aud", "iss", "iat", "exp", "sub"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
            issued_at = datetime.fromtimestamp(claims["iat"], UTC)
            accepted_until = datetime.fromtimestamp(claims["exp"], UTC) + self._skew
        except _UNREADABLE as error:
            raise InvalidToken("the token is not valid") from error
        return SignedClaims(claims, issued_at, accepted_until)
