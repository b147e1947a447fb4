"""Passing each message to every listener."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

MAX_WAITING = 512
"""How many messages wait for a slow receiver; older ones are dropped."""


class FanOut:
    """Keeps a queue of the newest few hundred messages for each listener.

    For use in one event loop.
    """

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[bytes | None]] = set()

    def publish(self, message: bytes | None) -> None:
        """Pass a message to every listener; None ends them after their remaining messages."""
        for queue in self._queues:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(message)

    def listen(self) -> AsyncIterator[bytes]:
        """The messages from now on."""
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(MAX_WAITING)
        self._queues.add(queue)
        return self._messages_of(queue)

    async def _messages_of(self, queue: asyncio.Queue[bytes | None]) -> AsyncIterator[bytes]:
        try:
            while (message := await queue.get()) is not None:
                yield message
        finally:
            self._queues.discard(queue)
