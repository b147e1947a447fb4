"""A uvicorn server that watches its connections and shuts down in order."""

from __future__ import annotations

import asyncio
import logging
import math
import resource
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

import uvicorn

from entrypoints.server.acceptor import Acceptor
from entrypoints.server.connections import Connections
from entrypoints.server.http import HttpConnection
from entrypoints.server.websocket import MESSAGE_BYTES, WebSocketConnection
from entrypoints.settings.connections import ConnectionSettings

_ENDING_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
# A connection, its upload, which is a file if it is large, and another that waits to start.
_FILES_A_CONNECTION = 3
# Other open files: databases, the spool, libraries, logs.
_OTHER_FILES = 96
_REFUSED_WITHIN_S = 2.0

log = logging.getLogger(__name__)


class BoundedServer(uvicorn.Server):
    """Serves an ASGI application on connections with limits.

    Args:
        app: the application.
        connections: all of this process.
        uvicorn_settings: further settings of ``uvicorn.Config``.
    """

    def __init__(self, app: Any, connections: Connections, **uvicorn_settings: Any) -> None:
        limits = connections.limits
        super().__init__(
            uvicorn.Config(
                app,
                http=partial(HttpConnection, connections=connections),  # type: ignore[arg-type]
                ws=partial(WebSocketConnection, connections=connections),  # type: ignore[arg-type]
                h11_max_incomplete_event_size=limits.max_header_bytes,
                timeout_keep_alive=math.ceil(limits.keep_alive_s),
                # Compressing JPEG frames again costs ten times the round trip and saves nothing.
                ws_per_message_deflate=False,
                ws_max_size=MESSAGE_BYTES,
                **uvicorn_settings,
            )
        )
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
        if self.force_exit:
            await self._end_at_once()
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    async def _end_at_once(self) -> None:
        """Refuse the requests in work, and close the rest in order.

        uvicorn leaves both to the end of the event loop, which stops stores in the middle of
        closing.
        """
        requests = list(self.server_state.tasks)
        for request in requests:
            request.cancel()
        if requests:
            await asyncio.wait(requests, timeout=_REFUSED_WITHIN_S)
        await self.lifespan.shutdown()

    def _make_protocol(self) -> asyncio.Protocol:
        return self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Shut down on SIGTERM, SIGINT and SIGHUP, so that the process exits with 0. A second
        SIGINT ends the wait for requests in work.

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


def within_open_files(limits: ConnectionSettings) -> ConnectionSettings:
    """The limits, with no more connections than this process may have open files.

    The limit of open files is raised first, as far as an ordinary process may raise it.
    """
    wanted = limits.max_connections * _FILES_A_CONNECTION + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return limits
    room = max(soft - _OTHER_FILES, soft // 2) // _FILES_A_CONNECTION
    log.warning(
        "MAX_CONNECTIONS=%d is lowered to %d: this process may have %d files open",
        limits.max_connections, room, soft,
    )  # fmt: skip
    return limits.model_copy(update={"max_connections": room})
