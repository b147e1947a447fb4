"""Tokens without a signature: the service remembers each."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from secrets import token_hex

from application.ports.clock import Clock
from application.ports.token_service import AccessClaims, AccessToken, GuestClaims, RefreshToken
from domain.errors import InvalidToken

_ACCESS_PREFIX = "access-"


class InMemoryTokenService:
    """Makes and checks tokens against a list instead of a signature."""

    def __init__(
        self,
        *,
        clock: Clock,
        access_lifetime_s: int = 7200,
        refresh_lifetime_s: int = 30 * 86400,
        guest_lifetime_s: int = 365 * 86400,
    ) -> None:
        self._clock = clock
        self._access_lifetime_s = access_lifetime_s
        self._refresh_lifetime_s = refresh_lifetime_s
        self._guest_lifetime_s = guest_lifetime_s
        self._access: dict[str, AccessClaims] = {}
        self._guests: dict[str, tuple[GuestClaims, datetime]] = {}

    def issue_access(self, user_id: str) -> AccessToken:
        """Make an access token."""
        value = _ACCESS_PREFIX + token_hex(8)
        self._access[value] = AccessClaims(
            user_id, self._clock.now(), self._after(self._access_lifetime_s)
        )
        return AccessToken(value, self._access_lifetime_s)

    def is_access(self, token: str) -> bool:
        """Whether the token claims to be one of ours."""
        return token.startswith(_ACCESS_PREFIX)

    def verify_access(self, token: str) -> AccessClaims:
        """Read an access token."""
        claims = self._access.get(token)
        if claims is None or claims.expires_at <= self._clock.now():
            raise InvalidToken("the access token is not valid or has expired")
        return claims

    def issue_refresh(self) -> RefreshToken:
        """Make a refresh token."""
        value = "refresh-" + token_hex(8)
        return RefreshToken(value, self.digest(value), self._after(self._refresh_lifetime_s))

    def digest(self, refresh_token: str) -> str:
        """The digest under which a presented refresh token would be stored."""
        return hashlib.sha256(refresh_token.encode("utf-8", "surrogatepass")).hexdigest()

    def issue_guest(self, claims: GuestClaims) -> str:
        """Make the value of a guest's cookie."""
        value = "guest-" + token_hex(8)
        self._guests[value] = (claims, self._after(self._guest_lifetime_s))
        return value

    def verify_guest(self, cookie: str) -> GuestClaims | None:
        """Read a guest's cookie; None when it is forged or expired."""
        claims, expires_at = self._guests.get(cookie, (None, self._clock.now()))
        return claims if expires_at > self._clock.now() else None

    def _after(self, seconds: int) -> datetime:
        return self._clock.now() + timedelta(seconds=seconds)
