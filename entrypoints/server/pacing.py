"""Turns: requests that arrive at once start, and unwanted bodies are read, one after another."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from typing import Generic, TypeVar

from application.work.priority import Priority
from application.work.ranking import Rank, Ranking

T = TypeVar("T")

NO_TOKEN = ""
"""In place of a token: the sender has sent none."""


class _Turns(Generic[T]):
    """What waits, in turns: one of each name before the second of any."""

    def __init__(self) -> None:
        self._ranking = Ranking()
        self._waiting: list[tuple[Rank, T]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def push(self, item: T, name: str) -> None:
        rank = self._ranking.enter(name, Priority.INTERACTIVE)
        heapq.heappush(self._waiting, (rank, item))

    def pop(self) -> T:
        rank, item = heapq.heappop(self._waiting)
        self._ranking.leave(rank)
        return item


class FairQueue(Generic[T]):
    """What waits, in turns: network addresses take turns, and at each address those who send.

    Who sends is told by the token, which nobody has checked yet: so whoever makes tokens up gets
    more turns at the expense of those at the same address, and of nobody else.
    """

    def __init__(self) -> None:
        self._networks: _Turns[str] = _Turns()
        self._of_network: dict[str, _Turns[T]] = {}

    def __len__(self) -> int:
        return len(self._networks)

    def push(self, item: T, network: str, token: str = NO_TOKEN) -> None:
        """Add an item of a sender at an address."""
        self._networks.push(network, network)
        # Without a name there would be no turns.
        self._of_network.setdefault(network, _Turns()).push(item, f"token {token}")

    def pop(self) -> T:
        """Remove the item whose turn it is; there has to be one."""
        network = self._networks.pop()
        waiting = self._of_network[network]
        item = waiting.pop()
        if not waiting:  # so nobody there could be overtaken
            del self._of_network[network]
        return item


class RequestPacing:
    """Starts one request in each pass of the event loop, in turns (see ``FairQueue``).

    Hundreds that start in one pass would delay everything else until all of them had begun. So
    would hundreds of large parts of answers, each of which begins here likewise.
    """

    def __init__(self) -> None:
        self._waiting: FairQueue[asyncio.Future[None]] = FairQueue()
        self._has_begun = False

    async def wait(self, network: str, token: str = NO_TOKEN) -> None:
        """Wait until the request may start."""
        loop = asyncio.get_running_loop()
        if not self._has_begun:
            self._has_begun = True
            loop.call_soon(self._next_pass)
            return
        start = loop.create_future()
        self._waiting.push(start, network, token)
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
    """Lets one connection at a time read on from its socket, in turns (see ``FairQueue``).

    The event loop reads up to 256 kB of every socket that has data, all in one pass, and parses
    them; with hundreds of large bodies everything else would wait for a second.

    Args:
        pause_s: between two turns; 0 gives one in each pass of the event loop. Unwanted bodies may
            wait longer: with 5 milliseconds, all together still get 50 MB/s.
    """

    def __init__(self, pause_s: float = 0.0) -> None:
        self._pause_s = pause_s
        self._waiting: FairQueue[Callable[[], None]] = FairQueue()

    def wait(self, resume_reading: Callable[[], None], network: str, token: str = NO_TOKEN) -> None:
        """Call back when it is the connection's turn; it does not read until then."""
        self._waiting.push(resume_reading, network, token)
        if len(self._waiting) == 1:
            self._schedule()

    def _schedule(self) -> None:
        asyncio.get_running_loop().call_later(self._pause_s, self._next)

    def _next(self) -> None:
        resume_reading = self._waiting.pop()
        if len(self._waiting):
            self._schedule()
        resume_reading()
