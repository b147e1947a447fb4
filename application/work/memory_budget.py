"""A budget for the memory of all images in work."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from application.work.admission import Priority
from application.work.fair_semaphore import Rank, Ranking

_SMALL_SHARE = 16
_RESERVED_SHARE = 8
_OVERTAKEN_FOR_S = 3.0


@dataclass(order=True, slots=True)
class _Waiting:
    rank: Rank
    size: int = field(compare=False)
    since_s: float = field(compare=False)
    granted: asyncio.Future[None] = field(compare=False)


class MemoryBudget:
    """Lets images wait until there is memory for them, and refuses none.

    They go in order of priority, then everybody's first before anybody's second, then of arrival.
    One that fits may overtake one that does not, for a few seconds; small ones always may. Some
    memory is kept for small ones of users who hold nothing yet, so that these do not wait for
    clients that send large images, or many.

    Args:
        total_bytes: what all of them may hold together. More than this counts as all of it.
    """

    def __init__(self, total_bytes: int) -> None:
        self._total = total_bytes
        self._free = total_bytes
        self._small = total_bytes // _SMALL_SHARE
        self._reserved = total_bytes // _RESERVED_SHARE
        self._ranking = Ranking()
        self._waiting: list[_Waiting] = []
        self._held_by: Counter[str] = Counter()

    @property
    def held_bytes(self) -> int:
        """What images hold now; from any thread."""
        return self._total - self._free

    async def take(
        self, size: int, priority: Priority = Priority.INTERACTIVE, *, sender: str = ""
    ) -> MemoryShare:
        """Wait until this many bytes are free, and hold them.

        Args:
            size: in bytes.
            priority: of the work they are for.
            sender: of the work; empty where senders are not distinguished.
        """
        loop = asyncio.get_running_loop()
        # One that needs nearly everything must leave nothing to small ones.
        size = min(size, self._total)
        rank = self._ranking.enter(sender, priority)
        entry = _Waiting(rank, size, loop.time(), loop.create_future())
        self._waiting.append(entry)
        self._waiting.sort()
        self._grant()
        try:
            await entry.granted
        except asyncio.CancelledError:
            if entry in self._waiting:
                self._waiting.remove(entry)
            elif not entry.granted.cancelled():
                self._give_back(size, sender)
            raise
        finally:
            self._ranking.leave(rank)
        return MemoryShare(self, size, sender, loop)

    @asynccontextmanager
    async def hold(
        self, size: int, priority: Priority = Priority.INTERACTIVE, *, sender: str = ""
    ) -> AsyncIterator[None]:
        """Hold this many bytes for the length of the block; see ``take``."""
        share = await self.take(size, priority, sender=sender)
        try:
            yield
        finally:
            share.release()

    def _grant(self) -> None:
        now = asyncio.get_running_loop().time()
        blocked = False
        for entry in list(self._waiting):
            small = entry.size <= self._small
            all_of_it = (small and self._is_first(entry)) or self._alone(entry)
            usable = self._free if all_of_it else self._free - self._reserved
            if entry.size <= usable and (small or not blocked):
                self._waiting.remove(entry)
                if not entry.granted.done():  # its caller was not cancelled
                    self._hold(entry.size, entry.rank.sender)
                    entry.granted.set_result(None)
            elif now - entry.since_s > _OVERTAKEN_FOR_S:
                blocked = True

    def _alone(self, entry: _Waiting) -> bool:
        # What is larger than all but the reserve can only go when nothing else is held.
        return self._free == self._total and entry.size > self._total - self._reserved

    def _is_first(self, entry: _Waiting) -> bool:
        """Whether it is the first of a user, or senders are not distinguished."""
        sender = entry.rank.sender
        return entry.rank.priority is not Priority.GUEST and not (sender and self._held_by[sender])

    def _hold(self, size: int, sender: str) -> None:
        self._free -= size
        self._held_by[sender] += size
        if not self._held_by[sender]:
            del self._held_by[sender]

    def _give_back(self, size: int, sender: str) -> None:
        self._hold(-size, sender)
        self._grant()


class MemoryShare:
    """The bytes that an image holds."""

    def __init__(
        self, budget: MemoryBudget, size: int, sender: str, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._budget = budget
        self._size = size
        self._sender = sender
        self._loop = loop

    def shrink(self, size: int) -> None:
        """Keep this many bytes and give the rest back; from any thread."""
        surplus, self._size = self._size - size, min(size, self._size)
        if surplus > 0:
            # Nothing waits any more in a closed loop.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._budget._give_back, surplus, self._sender)

    def release(self) -> None:
        """Give everything back; from any thread, and any number of times."""
        self.shrink(0)
