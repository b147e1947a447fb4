"""The service's own tokens: signed access tokens and guest cookies, random refresh tokens."""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime, timedelta

from adapters.local_auth.signing import TokenKind, TokenSigner
from application.ports.clock import Clock
from application.ports.token_service import AccessClaims, AccessToken, GuestClaims, RefreshToken
from domain.errors import InvalidToken


class JwtTokenService:
    """Access tokens and guest cookies are signed; refresh tokens are 256 random bits.

    Args:
        secret: at least 32 characters.
        clock: for what has expired.
        access_lifetime_s: seconds an access token is valid.
        refresh_lifetime_s: likewise a refresh token.
        guest_lifetime_s: likewise a guest's cookie.
        clock_skew_s: seconds by which the clock that made a token may differ from this one.
    """

    def __init__(
        self,
        *,
        secret: str,
        clock: Clock,
        access_lifetime_s: int,
        refresh_lifetime_s: int,
        guest_lifetime_s: int,
        clock_skew_s: int = 0,
    ) -> None:
        self._signer = TokenSigner(secret=secret, clock=clock, clock_skew_s=clock_skew_s)
        # A separate key, so that a digest can never be used as a signature.
        self._digest_key = hmac.digest(secret.encode(), b"refresh tokens", "sha256")
        self._clock = clock
        self._access_lifetime_s = access_lifetime_s
        self._refresh_lifetime_s = refresh_lifetime_s
        self._guest_lifetime_s = guest_lifetime_s

    def issue_access(self, user_id: str) -> AccessToken:
        """Make an access token."""
        # The random part makes two tokens of the same second differ.
        claims = {"sub": user_id, "jti": secrets.token_hex(8)}
        value = self._signer.sign(TokenKind.ACCESS, claims, self._access_lifetime_s)
        return AccessToken(value, self._access_lifetime_s)

    def is_access(self, token: str) -> bool:
        """Whether the token claims to be one of ours."""
        return self._signer.claims_to_be(TokenKind.ACCESS, token)

    def verify_access(self, token: str) -> AccessClaims:
        """Read an access token."""
        signed = self._signer.verify(TokenKind.ACCESS, token)
        return AccessClaims(signed.claims["sub"], signed.issued_at, signed.accepted_until)

    def issue_refresh(self) -> RefreshToken:
        """Make a refresh token."""
        value = secrets.token_urlsafe(32)
        expires_at = self._clock.now() + timedelta(seconds=self._refresh_lifetime_s)
        return RefreshToken(value, self.digest(value), expires_at)

    def digest(self, refresh_token: str) -> str:
        """HMAC-SHA256 in hexadecimal; keyed, so that a new secret ends every sign-in."""
        token = refresh_token.encode("utf-8", "surrogatepass")
        return hmac.digest(self._digest_key, token, "sha256").hex()

    def issue_guest(self, claims: GuestClaims) -> str:
        """Make the value of a guest's cookie."""
        body = {"sub": claims.guest_id, "since": claims.created_at.isoformat()}
        return self._signer.sign(TokenKind.GUEST, body, self._guest_lifetime_s)

    def verify_guest(self, cookie: str) -> GuestClaims | None:
        """Read a guest's cookie; None when it is forged, expired or malformed."""
        try:
            claims = self._signer.verify(TokenKind.GUEST, cookie).claims
        except InvalidToken:
            return None
        return GuestClaims(claims["sub"], datetime.fromisoformat(claims["since"]))
