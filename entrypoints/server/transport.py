"""The transport of a connection: how it closes, and whether its client reads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

LAST_PAUSE_S = 3.0
"""How long a client may neither read nor send while the service shuts down."""


class DelayedCloseTransport:
    """Passes everything on to a transport, except what the connection does itself.

    Args:
        transport: the transport.
        close: called instead of closing it.
        is_closing: whether that has begun.
        resume_reading: called instead of reading on at once.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        close: Callable[[], None],
        is_closing: Callable[[], bool],
        resume_reading: Callable[[], None],
    ) -> None:
        self._transport = transport
        self.close = close
        self.is_closing = is_closing
        self.resume_reading = resume_reading

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class Progress:
    """Whether a client keeps reading what is sent to it.

    Args:
        timeout_s: how long it may not read.
        min_bytes_per_s: a client that reads at least this fast may take longer.
    """

    def __init__(self, timeout_s: float, min_bytes_per_s: int) -> None:
        self._timeout_s = timeout_s
        self._min_bytes_per_s = min_bytes_per_s
        self._since_s: float | None = None
        self._waiting_then = 0
        self._waiting = 0

    def is_stuck(self, waiting_bytes: int, now_s: float) -> bool:
        """Note how much is unsent; True once it has hardly shrunk for too long."""
        if waiting_bytes == 0 or self._since_s is None or waiting_bytes > self._waiting:
            self._since_s = now_s if waiting_bytes else None
            self._waiting_then = waiting_bytes
        self._waiting = waiting_bytes
        if self._since_s is None:
            return False
        read = self._waiting_then - waiting_bytes
        return now_s - self._since_s > self._timeout_s + read / self._min_bytes_per_s

    def bytes_per_s(self, now_s: float) -> float | None:
        """How fast the client reads; None if nothing waits, or for less than a second."""
        if self._since_s is None or now_s - self._since_s < 1:
            return None
        return (self._waiting_then - self._waiting) / (now_s - self._since_s)


def peer_address(transport: asyncio.BaseTransport) -> str:
    """The network address at the other end; empty for a Unix socket.

    A socket for IPv6 shows clients of IPv4 as ``::ffff:192.0.2.1``, but settings name proxies by
    their IPv4 address.
    """
    peer = transport.get_extra_info("peername")
    address = str(peer[0]) if isinstance(peer, tuple) and peer else ""
    return address.removeprefix("::ffff:") if "." in address else address
