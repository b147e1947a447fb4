"""Choosing which frames are analysed: no more than the rate allows, and always the newest."""

from __future__ import annotations

import asyncio

from domain.session import Frame


class RateLimiter:
    """Limits the frame rate by the generic cell rate algorithm (ITU-T I.371, annex A).

    The tolerance is one interval: a frame may come early by that much, and on average the rate is
    kept.

    Args:
        rate: frames a second.
    """

    def __init__(self, rate: float) -> None:
        self._interval_s = 1 / rate
        self._due_s = float("-inf")

    def wait_s(self, now_s: float) -> float:
        """Seconds until the next frame may be analysed."""
        return max(self._due_s - self._interval_s - now_s, 0.0)

    def count(self, now_s: float) -> None:
        """Count a frame whose analysis begins now."""
        self._due_s = max(self._due_s, now_s) + self._interval_s


class LatestFrame:
    """A slot for one waiting frame; a newer frame replaces an older one."""

    def __init__(self) -> None:
        self._frame: Frame | None = None
        self._filled = asyncio.Event()

    def put(self, frame: Frame) -> Frame | None:
        """Store a frame and return the one it replaces."""
        replaced, self._frame = self._frame, frame
        self._filled.set()
        return replaced

    def take(self) -> Frame | None:
        """Take the waiting frame out; None if there is none."""
        frame, self._frame = self._frame, None
        self._filled.clear()
        return frame

    async def filled(self) -> None:
        """Return once a frame waits."""
        await self._filled.wait()
