"""One message to all who listen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

_MOST_WAITING = 512


class FanOut:
    """Keeps for every listener the messages it has not taken yet, the newest few hundred of them.

    Made for one event loop.
    """

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[bytes | None]] = set()

    def put(self, message: bytes) -> None:
        """Give a message to everybody who listens."""
        self._put(message)

    def close(self) -> None:
        """Let everybody who listens take what is left, and end."""
        self._put(None)

    def listen(self) -> AsyncIterator[bytes]:
        """What is put from now on."""
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(_MOST_WAITING)
        self._queues.add(queue)
        return self._taken_from(queue)

    def _put(self, message: bytes | None) -> None:
        for queue in self._queues:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(message)

    async def _taken_from(self, queue: asyncio.Queue[bytes | None]) -> AsyncIterator[bytes]:
        try:
            while (message := await queue.get()) is not None:
                yield message
        finally:
            self._queues.discard(queue)
