"""Which refresh tokens are valid."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RefreshTokenRecord:
    """A refresh token that was issued.

    Attributes:
        digest: of the token; the token itself is never stored.
        user_id: of its owner.
        family_id: shared by all tokens that came from one sign-in by rotation.
        expires_at: with a time zone.
        signed_in_at: when the family's first ID token was issued, by the clock of the identity
            provider; None in families older than this field.
    """

    digest: str
    user_id: str
    family_id: str
    expires_at: datetime
    signed_in_at: datetime | None = None


def is_in_grace(used_at: datetime | None, now: datetime, grace_s: float) -> bool:
    """Whether a token that was first used at that moment may be used again."""
    # In both directions, so that a clock that was set back does not lengthen the grace.
    return used_at is not None and abs((now - used_at).total_seconds()) < grace_s


MAX_PER_USER = 10_000
"""Tokens of one user that are kept; signing in again and again would fill the disk."""


class RefreshTokenRepository(Protocol):
    """Keeps refresh tokens. Every method may raise ``StoreUnavailable``.

    Where a user has too many, those that expire first are deleted: the used and revoked ones before
    those that are valid, and never the one just added.
    """

    async def add(self, record: RefreshTokenRecord) -> None:
        """Keep a new token."""
        ...

    async def find(self, digest: str) -> RefreshTokenRecord | None:
        """The token, valid or not; None when it is unknown."""
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
        """Use a token and add its successor, of the same user and family.

        A token works once, and again within the grace that begins with its first use: each such
        call, however close together, gets a successor of its own. A call with a token whose grace
        is over revokes the whole family.

        Returns:
            The successor; None when the token is unknown, expired, revoked or was used before.
        """
        ...

    async def revoke_user(self, user_id: str) -> int:
        """Revoke every token of a user. Returns how many families (sign-ins) were valid."""
        ...

    async def delete_user(self, user_id: str) -> None:
        """Delete every token of a user, so that no trace of them is left."""
        ...

    async def delete_expired(self, until: datetime) -> int:
        """Delete tokens that expired by then, used and revoked ones included. Returns how many."""
        ...
