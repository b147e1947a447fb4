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
    """

    digest: str
    user_id: str
    family_id: str
    expires_at: datetime


class RefreshTokenRepository(Protocol):
    """Keeps refresh tokens. Every method may raise ``StoreUnavailable``."""

    async def add(self, record: RefreshTokenRecord) -> None:
        """Keep a new token."""
        ...

    async def rotate(
        self, digest: str, successor_digest: str, successor_expires_at: datetime, now: datetime
    ) -> RefreshTokenRecord | None:
        """Use a token once and put its successor, of the same user and family, in its place.

        Of several calls with one digest, however close together, at most one succeeds. A call with
        a digest that was used before revokes the whole family.

        Returns:
            The successor; None when the token is unknown, expired, revoked or was used before.
        """
        ...

    async def revoke_user(self, user_id: str) -> int:
        """Revoke every token of a user. Returns how many still stood."""
        ...

    async def delete_expired(self, now: datetime) -> int:
        """Forget tokens past their time, used and revoked ones included. Returns how many."""
        ...
