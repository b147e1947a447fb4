"""Assembling the realtime half."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from application.work.background import in_background
from entrypoints.container import Container
from entrypoints.realtime.housekeeping import Housekeeping
from entrypoints.realtime.namespace import EmotionDetectionNamespace
from entrypoints.realtime.other_clients import OtherNamespaces
from entrypoints.realtime.rooms import Rooms
from entrypoints.realtime.server import GuardedServer, make_server


def create_socketio(container: Container) -> GuardedServer:
    """Make the Socket.IO server of a wired container, to be mounted as an ASGI application."""
    settings = container.settings()
    rooms = Rooms(container.realtime().message_channel())
    server = make_server(
        cors_origins=settings.server.cors_origins,
        transports=settings.realtime.socketio_transports.split(","),
        manager=rooms,
    )
    namespace = EmotionDetectionNamespace(
        server=server,
        rooms=rooms,
        authenticate=container.accounts().authenticate(),
        sessions=container.realtime().stream_sessions(),
        clock=container.system().clock(),
    )
    server.register_namespace(namespace)
    server.register_namespace(OtherNamespaces())
    return server


@asynccontextmanager
async def realtime(container: Container, server: GuardedServer) -> AsyncIterator[None]:
    """Watch over sessions and connections while the service runs, and end them with it."""
    channel = container.realtime().message_channel()
    await channel.open()
    try:
        async with in_background(
            sessions=container.realtime().stream_sessions().run(),
            housekeeping=Housekeeping(server).run(),
        ):
            yield
    finally:
        await hang_up(container, server)
        await server.shutdown()
        await server.manager.close()
        await channel.close()


async def hang_up(container: Container, server: GuardedServer) -> None:
    """End all sessions, each with its summary, and close their connections; may be called twice."""
    await container.realtime().stream_sessions().close_all()
    await server.hang_up()
