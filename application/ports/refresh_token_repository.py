"""Which refresh tokens stand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RefreshTokenRecord:
    """A refresh token that was given out.

    Attributes:
        digest: of the token; the token itself is never stored.
        user_id: whose it is.
        family_id: shared by all tokens that came from one sign-in by rotation.
        expires_at: with a time zone.
        signed_in_at: when the ID token was issued that the family began with, by the clock of the
            identity provider; None in a family from before that was kept.
    """

    digest: str
    user_id: str
    family_id: str
    expires_at: datetime
    signed_in_at: datetime | None = None


class RefreshTokenRepository(Protocol):
    """Keeps refresh tokens. Every method may raise ``StoreUnavailable``."""

    async def add(self, record: RefreshTokenRecord) -> None:
        """Keep a new token."""
        ...

    async def find(self, digest: str) -> RefreshTokenRecord | None:
        """The token, whether it stands or not; None when it is unknown."""
        ...

    async def rotate(
        self,
        digest: str,
        successor_digest: str,
        successor_expires_at: datetime,
        now: datetime,
        *,
        grace_s: float = 0.0,
    ) -> RefreshTokenRecord | None:
        """Use a token and put a successor, of the same user and family, in its place.

        A token works once, and again within the grace that begins with its first use: each such
        call, however close together, gets a successor of its own. A call with a token whose grace
        is over revokes the whole family.

        Returns:
            The successor; None when the token is unknown, expired, revoked or was used before.
        """
        ...

    async def revoke_user(self, user_id: str) -> int:
        """Revoke every token of a user. Returns how many families, which are sign-ins, stood."""
        ...

    async def delete_user(self, user_id: str) -> None:
        """Forget every token of a user, so that nothing tells any more that there were any."""
        ...

    async def delete_expired(self, until: datetime) -> int:
        """Forget tokens that expired by then, used and revoked ones included. Returns how many."""
        ...
