"""A clock controlled by tests."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta


class InMemoryClock:
    """A clock that stands still between calls of ``advance``."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, 12, tzinfo=UTC)) -> None:
        self._now = start.astimezone(UTC)
        self._monotonic = 0.0
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        """The time it is set to."""
        return self._now

    def monotonic(self) -> float:
        """The seconds it was advanced by so far."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Advance both clocks."""
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds
        self._moved.set()

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock was advanced by this much."""
        due = self._monotonic + seconds
        while self._monotonic < due:
            self._moved.clear()
            await self._moved.wait()
