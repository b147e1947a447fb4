"""Sharing one machine among many sessions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from application.ports.clock import Clock


class FrameSlots:
    """Lets a few frames be in work at once, shared among sessions by round robin.

    A session asks for one slot at a time and then queues up after the others: while both wait, a
    session that sends 60 frames a second gets no more slots than one that sends 5. The frame is
    chosen when the slot becomes free, so it is always the newest.
    """

    def __init__(self, slots: int, clock: Clock) -> None:
        self._slots = slots
        self._clock = clock
        self._free = asyncio.Semaphore(slots)
        self._taken = 0
        self._busy_s = 0.0
        self._changed_s = clock.monotonic()
        self._read_s = self._changed_s

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[None]:
        """Wait for a slot and hold it for the length of the block."""
        async with self._free:
            self._change(+1)
            try:
                yield
            finally:
                self._change(-1)

    def utilisation(self) -> float:
        """The share of all slots' time in use since the last call, in [0, 1]."""
        self._change(0)
        elapsed_s = self._changed_s - self._read_s
        share = self._busy_s / (elapsed_s * self._slots) if elapsed_s > 0 else 0.0
        self._busy_s, self._read_s = 0.0, self._changed_s
        return share

    def _change(self, by: int) -> None:
        now_s = self._clock.monotonic()
        self._busy_s += self._taken * (now_s - self._changed_s)
        self._changed_s = now_s
        self._taken += by
