"""Time, so that tests can own it."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time in two ways, and waits for it to pass."""

    def now(self) -> datetime:
        """The wall-clock time, in UTC and with its zone."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back. For measuring how long things take."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return once ``monotonic`` has risen by that much; 0 or more."""
        ...
