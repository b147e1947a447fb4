"""Running the service under uvicorn."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import sys
from contextlib import suppress

from application.ports.message_channel import MessageChannel
from entrypoints.container import Container
from entrypoints.logs.configuration import configure_logs, is_for_people, log_stray_exceptions
from entrypoints.process.allocator import return_freed_memory, return_large_blocks
from entrypoints.process.asgi import create_app_from
from entrypoints.process.greeting import browser_url, greeting
from entrypoints.process.starting import WatchedStart
from entrypoints.realtime.app import create_socketio, hang_up
from entrypoints.realtime.server import GuardedServer
from entrypoints.server.connections import Connections
from entrypoints.server.server import BoundedServer, within_open_files
from entrypoints.settings import BadSettings, Settings, unknown_keys

log = logging.getLogger(__name__)


class _Server(BoundedServer):
    """Prints the greeting once the service listens."""

    def __init__(self, container: Container, realtime: GuardedServer) -> None:
        settings = container.settings()
        connections = Connections(
            within_open_files(settings.connections),
            container.system().metrics().registry,
            settings.server.forwarded_allow_ips,
        )
        self._app = WatchedStart(create_app_from(container, realtime))
        super().__init__(
            self._app,
            connections,
            lifespan="on",
            host=settings.server.host,
            port=settings.server.port,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=True,
            forwarded_allow_ips=list(settings.server.forwarded_allow_ips),
            timeout_graceful_shutdown=round(settings.server.shutdown_grace_s),
        )
        self._container = container
        self._realtime = realtime
        self._returning: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except SystemExit:
            if self._app.failure is not None:
                raise self._app.failure from None
            raise
        if self.started and not self.should_exit:
            # A full collection stops the event loop for a third of a second when it visits what
            # the libraries made at import; none of that is ever garbage.
            gc.collect()
            gc.freeze()
            self._returning = asyncio.create_task(return_freed_memory(), name="memory")
            bound = self.servers[0].sockets[0].getsockname()
            self._greet(browser_url(bound[0], bound[1]))

    def _greet(self, address: str) -> None:
        style = self._container.settings().server.log_format
        said = greeting(
            self._container,
            address,
            for_people=is_for_people(style, sys.stdout),
            at_terminal=sys.stdout.isatty(),
        )
        with suppress(OSError):  # Standard output may be closed; the service runs all the same.
            print(said, flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # uvicorn would close WebSockets before their summaries are sent, and wait for long polls
        # and for those who follow a video.
        for listener in self.servers:
            listener.close()
        self._container.video().read_videos().stop()
        await hang_up(self._container, self._realtime)
        await super().shutdown(sockets)
        if self._returning is not None:
            self._returning.cancel()
            await asyncio.gather(self._returning, return_exceptions=True)


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM, then finish what was accepted and return.

    Raises:
        ServiceUnavailable: a model or store the settings ask for cannot be used.
        BadSettings: there is no secret to sign with, or no address to listen on.
    """
    return_large_blocks()
    # While the event loop is busy, a thread that computes or asks the database would wait for five
    # milliseconds at each of its steps.
    sys.setswitchinterval(0.0003)
    configure_logs(settings.server.log_level, settings.server.log_format)
    log_stray_exceptions()
    for warning in unknown_keys() + settings.warnings():
        log.warning(warning)
    container = Container(settings=settings)
    vision, stores, accounts = container.vision(), container.stores(), container.accounts()
    accounts.secret()  # A missing secret stops the start.
    vision.face_detector()
    vision.crop_classifier()
    stores.database()
    stores.images()
    accounts.identity_provider()
    if settings.realtime.redis_url is not None:
        asyncio.run(_reach(Container(settings=settings).realtime().message_channel()))
    with stores.spool_lock():
        pass  # Another process on the same data folder stops the start as well.
    server = _Server(container, create_socketio(container))
    server.run(sockets=[bind(settings.server.host, settings.server.port)])


async def _reach(channel: MessageChannel) -> None:
    """Check before serving that the message channel works."""
    await channel.open()
    await channel.close()


def bind(host: str, port: int) -> socket.socket:
    """A socket bound to that address, not listening yet.

    Raises:
        BadSettings: the address is not one of this machine, or the port is taken.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise BadSettings(
            f"HOST={host} PORT={port}: {error.strerror}; use an address of this machine and a "
            "port that is free"
        ) from error
    return listener
