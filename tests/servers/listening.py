"""An application on a real socket, served in the test's own event loop."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from prometheus_client import CollectorRegistry

from entrypoints.server.connections import Connections
from entrypoints.server.server import BoundedServer
from entrypoints.settings.connections import ConnectionSettings


@asynccontextmanager
async def listening(
    app: Any,
    *,
    connections: Connections | None = None,
    listener: socket.socket | None = None,
    **options: Any,
) -> AsyncIterator[int]:
    """Serve an ASGI application on a free port of this machine; yields the port.

    Args:
        app: the application; its lifespan runs around the block.
        connections: the limits of connections; by default those of the service.
        listener: where to listen; by default on 127.0.0.1.
        options: further settings of uvicorn.
    """
    if connections is None:
        connections = Connections(ConnectionSettings.model_construct(), CollectorRegistry())
    if listener is None:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
    server = BoundedServer(app, connections, log_config=None, **options)
    serving = asyncio.create_task(server.serve([listener]))
    while not server.started:
        await asyncio.sleep(0)
        if serving.done():
            await serving
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await serving
