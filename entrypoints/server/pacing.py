"""Turns: requests that arrive at once start, and unwanted bodies are read, one after another."""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from application.work.admission import Priority
from application.work.fair_semaphore import Rank, Ranking

T = TypeVar("T")
_TURN_S = 0.005


class FairQueue(Generic[T]):
    """What waits, in turns: one of each sender before the second of any."""

    def __init__(self) -> None:
        self._ranking = Ranking()
        self._waiting: list[tuple[Rank, T]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def push(self, item: T, sender: str) -> None:
        """Add an item of this sender."""
        heapq.heappush(self._waiting, (self._ranking.enter(sender, Priority.INTERACTIVE), item))

    def pop(self) -> T:
        """Remove the item whose turn it is; there has to be one."""
        rank, item = heapq.heappop(self._waiting)
        self._ranking.leave(rank)
        return item


class RequestPacing:
    """Starts one request in each pass of the event loop, in turns of the senders.

    Hundreds that start in one pass would delay everything else until all of them had begun.
    """

    def __init__(self) -> None:
        self._waiting: FairQueue[asyncio.Future[None]] = FairQueue()
        self._has_begun = False

    async def wait(self, sender: str) -> None:
        """Wait until the request may start."""
        loop = asyncio.get_running_loop()
        if not self._has_begun:
            self._has_begun = True
            loop.call_soon(self._next_pass)
            return
        start = loop.create_future()
        self._waiting.push(start, sender)
        await start

    def _next_pass(self) -> None:
        self._has_begun = False
        while self._waiting and not self._has_begun:
            start = self._waiting.pop()
            if not start.done():  # its client may have disconnected
                start.set_result(None)
                self._has_begun = True
        if self._has_begun:
            asyncio.get_running_loop().call_soon(self._next_pass)


class ReadingTurns:
    """Lets one connection at a time read from its socket, every 5 milliseconds.

    The event loop reads as much as a socket has, megabytes in one pass if the client is on the same
    machine, and everything else waits. One read takes up to 256 kB, so all together still get
    50 MB/s.
    """

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()

    def wait(self, resume_reading: Callable[[], None]) -> None:
        """Call back when it is the connection's turn, which pauses reading until then."""
        self._waiting.append(resume_reading)
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_later(_TURN_S, self._next)

    def _next(self) -> None:
        resume_reading = self._waiting.popleft()
        if self._waiting:
            asyncio.get_running_loop().call_later(_TURN_S, self._next)
        resume_reading()
