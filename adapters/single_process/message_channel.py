"""Messages to all listeners in this process."""

from __future__ import annotations

from adapters.fan_out import FanOut


class SingleProcessMessageChannel(FanOut):
    """Fulfils ``MessageChannel`` within the process."""

    async def open(self) -> None:
        """Does nothing."""

    async def close(self) -> None:
        """End every ``listen``."""
        self.publish(None)

    async def check(self) -> None:
        """Does nothing: the channel always works."""
