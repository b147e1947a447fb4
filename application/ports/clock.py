"""Time, as a port so that tests can control it."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The time of day, a monotonic clock, and sleeping."""

    def now(self) -> datetime:
        """The wall-clock time, in UTC and with its zone."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back. For measuring how long things take."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return once ``monotonic`` has risen by this many seconds; 0 or more."""
        ...
