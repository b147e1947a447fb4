"""Messages to all listeners in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator

from adapters.fan_out import FanOut


class SingleProcessMessageChannel:
    """Fulfils ``MessageChannel`` within the process."""

    def __init__(self) -> None:
        self._listeners = FanOut()

    async def open(self) -> None:
        """Does nothing."""

    async def close(self) -> None:
        """End every ``listen``."""
        self._listeners.put(None)

    def publish(self, message: bytes) -> None:
        """Pass a message to every listener."""
        self._listeners.put(message)

    def listen(self) -> AsyncIterator[bytes]:
        """The messages from now on."""
        return self._listeners.listen()

    async def check(self) -> None:
        """Does nothing: the channel always works."""
