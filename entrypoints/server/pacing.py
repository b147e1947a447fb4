"""Turns: simultaneous requests start, and unwanted bodies are read, a few at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

_TURN_S = 0.005


class RequestPacing:
    """Starts a few requests in each pass of the event loop, in the order they arrived.

    Hundreds that start in one pass would delay everything else until all of them had begun.

    Args:
        at_once: how many.
    """

    def __init__(self, at_once: int = 4) -> None:
        self._at_once = at_once
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._begun = 0

    async def wait(self) -> None:
        """Wait until the request may start."""
        loop = asyncio.get_running_loop()
        if self._begun == 0:
            loop.call_soon(self._next_pass)
        if self._begun < self._at_once and not self._waiting:
            self._begun += 1
            return
        start = loop.create_future()
        self._waiting.append(start)
        await start

    def _next_pass(self) -> None:
        self._begun = 0
        while self._waiting and self._begun < self._at_once:
            start = self._waiting.popleft()
            if not start.done():  # its client may have disconnected
                start.set_result(None)
                self._begun += 1
        if self._begun:
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
