"""Usage counters in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from adapters.in_memory.controllable import Controllable
from application.ports.usage_ledger import UsageCount


class InMemoryUsageLedger(Controllable):
    """Keeps counters in a dictionary; those whose window is over are deleted on each use."""

    def __init__(self) -> None:
        super().__init__()
        self._counts: dict[str, UsageCount] = {}

    async def consume(
        self, limits: Mapping[str, int | None], at: datetime, window_s: int | None
    ) -> str | None:
        await self._wait_or_fail()
        self._counts = {s: count for s, count in self._counts.items() if not count.is_over(at)}
        for subject, limit in limits.items():
            if limit is not None and self._current(subject, at).count >= limit:
                return subject
        for subject in limits:
            known = self._current(subject, at)
            ends_at = known.window_ends_at
            if ends_at is None and window_s is not None:
                ends_at = at + timedelta(seconds=window_s)
            self._counts[subject] = UsageCount(known.count + 1, ends_at, at)
        return None

    async def refund(self, subjects: Sequence[str]) -> None:
        await self._wait_or_fail()
        for subject in subjects:
            known = self._counts.get(subject)
            if known is not None:
                self._counts[subject] = replace(known, count=max(known.count - 1, 0))

    async def forget(self, subject: str) -> None:
        await self._wait_or_fail()
        self._counts.pop(subject, None)

    async def delete_expired(self, now: datetime) -> int:
        await self._wait_or_fail()
        before = len(self._counts)
        self._counts = {s: count for s, count in self._counts.items() if not count.is_over(now)}
        return before - len(self._counts)

    async def read(self, subject: str, at: datetime) -> UsageCount:
        await self._wait_or_fail()
        return self._current(subject, at)

    def _current(self, subject: str, at: datetime) -> UsageCount:
        known = self._counts.get(subject, UsageCount())
        return UsageCount() if known.is_over(at) else known
