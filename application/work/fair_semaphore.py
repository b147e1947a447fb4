"""Letting a few requests in at a time, fair to every sender."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from application.work.priority import Priority
from application.work.ranking import Rank, Ranking


class FairSemaphore:
    """Admits a few requests at a time, in order of rank. For use in one event loop.

    Args:
        at_once: how many.
    """

    def __init__(self, at_once: int = 1) -> None:
        self._ranking = Ranking()
        self._waiting: list[tuple[Rank, asyncio.Future[None]]] = []
        self._free = at_once

    @asynccontextmanager
    async def hold(
        self, sender: str, priority: Priority = Priority.INTERACTIVE
    ) -> AsyncIterator[None]:
        """Acquire the semaphore for the length of the block."""
        rank = await self.acquire(sender, priority)
        try:
            yield
        finally:
            self.release(rank)

    async def acquire(self, sender: str, priority: Priority) -> Rank:
        """Wait until the request is admitted; ``release`` has to follow."""
        rank = self._ranking.enter(sender, priority)
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (rank, granted))
        self._grant()
        try:
            await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled():
                self.release(rank)
            else:
                self._ranking.leave(rank)
            raise
        return rank

    def release(self, rank: Rank) -> None:
        """The request is finished: admit the next one."""
        self._ranking.leave(rank)
        self._free += 1
        self._grant()

    def _grant(self) -> None:
        while self._waiting and self._free:
            _, granted = heapq.heappop(self._waiting)
            if not granted.done():  # its caller was not cancelled
                self._free -= 1
                granted.set_result(None)
