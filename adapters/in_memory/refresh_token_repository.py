"""Refresh tokens in memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from adapters.in_memory.controllable import Controllable
from application.ports.refresh_token_repository import (
    MAX_PER_USER,
    RefreshTokenRecord,
    is_in_grace,
)


class InMemoryRefreshTokenRepository(Controllable):
    """Keeps every issued token, which are still valid, and which were used."""

    def __init__(self, max_per_user: int = MAX_PER_USER) -> None:
        super().__init__()
        self._max_per_user = max_per_user
        self._records: dict[str, RefreshTokenRecord] = {}
        self._standing: set[str] = set()
        self._used: dict[str, datetime] = {}

    async def add(self, record: RefreshTokenRecord) -> None:
        await self._wait_or_fail()
        self._keep(record)

    async def find(self, digest: str) -> RefreshTokenRecord | None:
        await self._wait_or_fail()
        return self._records.get(digest)

    async def rotate(
        self,
        digest: str,
        successor_digest: str,
        successor_expires_at: datetime,
        now: datetime,
        *,
        grace_s: float = 0.0,
    ) -> RefreshTokenRecord | None:
        await self._wait_or_fail()
        record = self._records.get(digest)
        if record is None:
            return None
        used_at = self._used.get(digest)
        if used_at is not None and not is_in_grace(used_at, now, grace_s):
            self._revoke(d for d, r in self._records.items() if r.family_id == record.family_id)
            return None
        if (used_at is None and digest not in self._standing) or record.expires_at <= now:
            return None
        self._standing.discard(digest)
        self._used.setdefault(digest, now)
        successor = replace(record, digest=successor_digest, expires_at=successor_expires_at)
        self._keep(successor)
        return successor

    async def revoke_user(self, user_id: str) -> int:
        await self._wait_or_fail()
        families = {r.family_id for d, r in self._records.items() if d in self._standing}
        self._revoke(d for d, r in self._records.items() if r.user_id == user_id)
        return len(
            families - {r.family_id for d, r in self._records.items() if d in self._standing}
        )

    async def delete_user(self, user_id: str) -> None:
        await self._wait_or_fail()
        self._forget([d for d, record in self._records.items() if record.user_id == user_id])

    async def delete_expired(self, until: datetime) -> int:
        await self._wait_or_fail()
        gone = [d for d, record in self._records.items() if record.expires_at <= until]
        self._forget(gone)
        return len(gone)

    def _keep(self, record: RefreshTokenRecord) -> None:
        if record.digest not in self._records:
            self._records[record.digest] = record
            self._standing.add(record.digest)
        others = [
            digest
            for digest, other in self._records.items()
            if other.user_id == record.user_id and digest != record.digest
        ]
        others.sort(key=lambda each: (each in self._standing, self._records[each].expires_at))
        self._forget(others[: max(len(others) + 1 - self._max_per_user, 0)])

    def _revoke(self, digests: Iterable[str]) -> None:
        for digest in digests:
            self._standing.discard(digest)
            self._used.pop(digest, None)

    def _forget(self, digests: Iterable[str]) -> None:
        for digest in digests:
            self._revoke([digest])
            del self._records[digest]
