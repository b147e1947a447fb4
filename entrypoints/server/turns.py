"""Requests that come all at once, begun a few at a time."""

from __future__ import annotations

import asyncio
from collections import deque

_AT_ONCE = 4


class Turns:
    """Lets four requests begin in each pass of the event loop, in the order they came.

    Hundreds that begin in one pass would keep everything else waiting until all of them had been
    looked at.
    """

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._begun = 0

    async def wait(self) -> None:
        """Wait until it is one's turn."""
        loop = asyncio.get_running_loop()
        if self._begun == 0:
            loop.call_soon(self._next_pass)
        if self._begun < _AT_ONCE and not self._waiting:
            self._begun += 1
            return
        turn = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _next_pass(self) -> None:
        self._begun = 0
        while self._waiting and self._begun < _AT_ONCE:
            turn = self._waiting.popleft()
            if not turn.done():  # its client may have hung up
                turn.set_result(None)
                self._begun += 1
        if self._begun:
            asyncio.get_running_loop().call_soon(self._next_pass)
