"""Messages to everybody who listens in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator

from adapters.fan_out import FanOut


class SingleProcessMessageChannel:
    """Fulfils ``MessageChannel``: hands messages on within the process."""

    def __init__(self) -> None:
        self._listeners = FanOut()

    async def open(self) -> None:
        """Connect to nothing."""

    async def close(self) -> None:
        """End every ``listen``."""
        self._listeners.close()

    def publish(self, message: bytes) -> None:
        """Hand a message to everybody who listens."""
        self._listeners.put(message)

    def listen(self) -> AsyncIterator[bytes]:
        """What is published from now on."""
        return self._listeners.listen()

    async def check(self) -> None:
        """Nothing can be out of reach."""
