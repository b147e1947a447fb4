"""Refresh tokens, until the process ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from adapters.in_memory.switches import Switches
from application.ports.refresh_token_repository import RefreshTokenRecord


class InMemoryRefreshTokenRepository(Switches):
    """Keeps every token given out, and beside them which of these still stand or were used."""

    def __init__(self) -> None:
        super().__init__()
        self._records: dict[str, RefreshTokenRecord] = {}
        self._standing: set[str] = set()
        self._used: set[str] = set()

    async def add(self, record: RefreshTokenRecord) -> None:
        """Keep a new token."""
        await self._obey()
        self._keep(record)

    async def rotate(
        self, digest: str, successor_digest: str, successor_expires_at: datetime, now: datetime
    ) -> RefreshTokenRecord | None:
        """Use a token once and put its successor in its place."""
        await self._obey()
        record = self._records.get(digest)
        if record is None:
            return None
        if digest in self._used:
            family = record.family_id
            self._standing -= {d for d, r in self._records.items() if r.family_id == family}
            return None
        if digest not in self._standing or record.expires_at <= now:
            return None
        self._standing.discard(digest)
        self._used.add(digest)
        successor = replace(record, digest=successor_digest, expires_at=successor_expires_at)
        self._keep(successor)
        return successor

    async def revoke_user(self, user_id: str) -> int:
        """Revoke every token of a user."""
        await self._obey()
        gone = {d for d in self._standing if self._records[d].user_id == user_id}
        self._standing -= gone
        return len(gone)

    async def delete_expired(self, now: datetime) -> int:
        """Forget tokens past their time."""
        await self._obey()
        gone = {d for d, record in self._records.items() if record.expires_at <= now}
        for digest in gone:
            del self._records[digest]
        self._standing -= gone
        self._used -= gone
        return len(gone)

    def _keep(self, record: RefreshTokenRecord) -> None:
        if record.digest not in self._records:
            self._records[record.digest] = record
            self._standing.add(record.digest)
