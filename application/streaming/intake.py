"""Which frames are taken up: not more than the rate allows, and always the newest."""

from __future__ import annotations

import asyncio

from domain.stream import Frame


class FrameRateLimit:
    """Lets a steady rate through, and bears with frames that come a little early.

    The generic cell rate algorithm (ITU-T I.371, annex A) with a tolerance of one interval: what
    the network bunched up passes, twice the rate does not.
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._due_s = float("-inf")

    def admits(self, at_s: float) -> bool:
        """Whether a frame that arrives now may pass."""
        interval = 1 / self.rate
        due = max(self._due_s, at_s)
        if due - at_s > interval:
            return False
        self._due_s = due + interval
        return True


class LatestFrame:
    """Room for one frame that waits; a newer one takes the place of an older."""

    def __init__(self) -> None:
        self._frame: Frame | None = None
        self._filled = asyncio.Event()

    def put(self, frame: Frame) -> Frame | None:
        """Let a frame wait and hand back the one it replaces."""
        replaced, self._frame = self._frame, frame
        self._filled.set()
        return replaced

    def take(self) -> Frame | None:
        """The frame that waits, which waits no more; None where there is none."""
        frame, self._frame = self._frame, None
        self._filled.clear()
        return frame

    async def filled(self) -> None:
        """Wait until a frame waits."""
        await self._filled.wait()
