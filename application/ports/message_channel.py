"""Messages between the processes of one service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol


class MessageChannel(Protocol):
    """Carries messages between the processes of one service, without a guarantee of delivery.

    Each message of a sender arrives once and in order, or not at all: what is published while the
    processes cannot reach each other, or faster than it can be carried, is lost.
    """

    async def open(self) -> None:
        """Connect; from now on messages are carried.

        Raises:
            StoreUnavailable: the other processes cannot be reached.
        """
        ...

    async def close(self) -> None:
        """Disconnect, and end every ``listen``. Closing twice is not an error."""
        ...

    def publish(self, message: bytes) -> None:
        """Send a message to every process, without waiting."""
        ...

    def listen(self) -> AsyncIterator[bytes]:
        """What any process publishes from now on, this one included, until the channel closes.

        A listener that falls behind by hundreds of messages loses the oldest.
        """
        ...

    async def check(self) -> None:
        """Check that messages are carried.

        Raises:
            StoreUnavailable: messages are not carried now.
        """
        ...
