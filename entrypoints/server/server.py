"""A uvicorn server that watches its connections and shuts down in order."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from entrypoints.server.connections import Connections
from entrypoints.server.protocols import protocols

_ACCEPTED_AT_ONCE = 16
_ENDING_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


class BoundedServer(uvicorn.Server):
    """Serves an ASGI application on connections with limits.

    Args:
        app: the application.
        connections: all of this process.
        uvicorn_settings: further settings of ``uvicorn.Config``.
    """

    def __init__(self, app: Any, connections: Connections, **uvicorn_settings: Any) -> None:
        super().__init__(uvicorn.Config(app, **protocols(connections), **uvicorn_settings))
        self._connections = connections
        self._watching: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and watch the connections."""
        # libuv accepts one connection of a socket in each pass of the event loop. When many connect
        # at once, they would wait in the kernel, and ``/healthz`` behind them.
        copies = [each.dup() for each in sockets or () for _ in range(_ACCEPTED_AT_ONCE - 1)]
        await super().startup([*sockets, *copies] if sockets else None)
        self._watching = asyncio.create_task(self._connections.watch(), name="connections")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish the requests in work; slow clients are not waited for."""
        await super().shutdown(sockets)
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Shut down on SIGTERM, SIGINT and SIGHUP, so that the process exits with 0.

        uvicorn raises the signal again after shutting down, which an init process reports as a
        failure. A SIGHUP that was ignored when the process started stays ignored.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {}
        for name in _ENDING_SIGNALS:
            number = getattr(signal, name, None)
            if number is not None and (
                name != "SIGHUP" or signal.getsignal(number) is not signal.SIG_IGN
            ):
                before[number] = signal.signal(number, self.handle_exit)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
