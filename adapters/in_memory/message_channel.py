"""Messages to everybody who listens in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator

from adapters.fan_out import FanOut
from adapters.in_memory.switches import Switches


class InMemoryMessageChannel(Switches):
    """Hands messages on within the process: all that a service of one process needs."""

    def __init__(self) -> None:
        super().__init__()
        self._listeners = FanOut()

    async def open(self) -> None:
        """Connect to nothing."""
        await self._obey()

    async def close(self) -> None:
        """End every ``listen``."""
        self._listeners.close()

    def publish(self, message: bytes) -> None:
        """Hand a message over; while the fake fails it is lost."""
        if self._error is None:
            self._listeners.put(message)

    def listen(self) -> AsyncIterator[bytes]:
        """What is published from now on."""
        return self._listeners.listen()

    async def check(self) -> None:
        """Ask for a sign of life."""
        await self._obey()
