"""A transport that leaves it to its connection how to close."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


class GentleTransport:
    """Passes everything on to a transport, but for closing.

    Args:
        wire: the transport.
        close: what to do in place of closing it.
        is_closing: whether that has begun.
    """

    def __init__(
        self, wire: asyncio.Transport, close: Callable[[], None], is_closing: Callable[[], bool]
    ) -> None:
        self._wire = wire
        self.close = close
        self.is_closing = is_closing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wire, name)


class Progress:
    """Whether a client goes on reading what waits for it.

    Args:
        patience_s: that it may read nothing.
        min_bytes_per_s: reading at least this fast, it may go on for longer.
    """

    def __init__(self, patience_s: float, min_bytes_per_s: int) -> None:
        self._patience_s = patience_s
        self._min_bytes_per_s = min_bytes_per_s
        self._since_s: float | None = None
        self._waiting_then = 0
        self._waiting = 0

    def is_stuck(self, waiting_bytes: int, now_s: float) -> bool:
        """Look at how much waits; True once that has hardly changed for too long."""
        if waiting_bytes == 0 or self._since_s is None or waiting_bytes > self._waiting:
            self._since_s = now_s if waiting_bytes else None
            self._waiting_then = waiting_bytes
        self._waiting = waiting_bytes
        if self._since_s is None:
            return False
        read = self._waiting_then - waiting_bytes
        return now_s - self._since_s > self._patience_s + read / self._min_bytes_per_s

    def bytes_per_s(self, now_s: float) -> float | None:
        """How fast it reads; None if nothing waits, or has for less than a second."""
        if self._since_s is None or now_s - self._since_s < 1:
            return None
        return (self._waiting_then - self._waiting) / (now_s - self._since_s)


def address_of(wire: asyncio.BaseTransport) -> str:
    """The network address at the other end; empty for a Unix socket."""
    peer = wire.get_extra_info("peername")
    return str(peer[0]) if isinstance(peer, tuple) and peer else ""
