"""A uvicorn server that watches its connections and shuts down in order."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import uvicorn

from entrypoints.server.acceptor import Acceptor
from entrypoints.server.connections import Connections
from entrypoints.server.protocols import protocols

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
        """Listen on the sockets, and watch the connections."""
        await super().startup([])
        for listener in sockets or ():
            acceptor = Acceptor(
                listener, self._make_protocol, self._connections.limits.max_connections
            )
            acceptor.open(self.config.backlog)
            self.servers.append(cast("asyncio.Server", acceptor))
        self._watching = asyncio.create_task(self._connections.watch(), name="connections")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish the requests in work; slow clients are not waited for."""
        for acceptor in self.servers:
            acceptor.close()
            await acceptor.wait_closed()
        await super().shutdown(sockets)
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    def _make_protocol(self) -> asyncio.Protocol:
        return self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )

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
