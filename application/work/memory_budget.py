"""A budget for the memory of all images in work."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from application.work.priority import Priority
from application.work.ranking import Rank, Ranking

_SMALL_FRACTION = 16
"""An image is small if it needs at most a 16th of the budget."""
_RESERVED_FRACTION = 8
_MAX_OVERTAKEN_S = 3.0


@dataclass(order=True, slots=True)
class _Waiting:
    rank: Rank
    size: int = field(compare=False)
    since_s: float = field(compare=False)
    granted: asyncio.Future[None] = field(compare=False)


class MemoryBudget:
    """Lets images wait until there is memory for them, and refuses none.

    Images are served by priority, then by turn (the first image of every sender before the second
    of any), then by arrival. An image that fits may overtake one that does not fit for at most
    three seconds; after that only small ones may, as far as they leave room for it. An eighth of
    the memory is reserved for small images of users who hold none yet, so that they do not wait for
    senders of large or many images.

    Args:
        total_bytes: what all images together may hold. An image that needs more waits until it can
            have all of it.
    """

    def __init__(self, total_bytes: int) -> None:
        self._total = total_bytes
        self._free = total_bytes
        self._small = total_bytes // _SMALL_FRACTION
        self._reserved = total_bytes // _RESERVED_FRACTION
        self._ranking = Ranking()
        self._waiting: list[_Waiting] = []
        self._held_by: Counter[str] = Counter()

    @property
    def most_beside_small(self) -> int:
        """What an image may take without waiting until no small one is in work."""
        return self._total - self._reserved - self._small

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
            sender: of the work; empty if senders are not distinguished.
        """
        loop = asyncio.get_running_loop()
        # An image that needs more than there is gets everything.
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
        overdue = next((each for each in self._waiting if self._is_overdue(each, now)), None)
        for entry in list(self._waiting):
            is_small = entry.size <= self._small
            may_use_reserve = (is_small and self._is_first(entry)) or self._is_alone(entry)
            usable = self._free if may_use_reserve else self._free - self._reserved
            if entry is overdue:
                usable = self._free
            elif overdue is not None and is_small:
                usable -= overdue.size
            elif overdue is not None and overdue.rank < entry.rank:
                continue
            if entry.size <= usable:
                self._waiting.remove(entry)
                if entry is overdue:
                    overdue = None
                if not entry.granted.done():  # its caller was not cancelled
                    self._hold(entry.size, entry.rank.sender)
                    entry.granted.set_result(None)

    def _is_overdue(self, entry: _Waiting, now: float) -> bool:
        return entry.size > self._small and now - entry.since_s > _MAX_OVERTAKEN_S

    def _is_alone(self, entry: _Waiting) -> bool:
        """Whether it needs the reserve too, and nothing else is held."""
        return self._free == self._total and entry.size > self._total - self._reserved

    def _is_first(self, entry: _Waiting) -> bool:
        """Whether a user holds nothing else, or senders are not distinguished."""
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
