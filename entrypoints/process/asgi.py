"""The whole service as one ASGI application."""

from __future__ import annotations

import logging

from litestar.types import ASGIApp

from entrypoints.container import Container
from entrypoints.http.app import create_http_app
from entrypoints.http.controllers import docs
from entrypoints.process.lifespan import running
from entrypoints.realtime.app import create_socketio, realtime
from entrypoints.realtime.gate import mount
from entrypoints.realtime.server import GuardedServer
from entrypoints.settings import load_settings, unknown_keys

log = logging.getLogger(__name__)


def create_app() -> ASGIApp:
    """Make the service from the environment, for any ASGI server (a factory).

    Raises:
        BadSettings: the environment holds values that cannot be used.
    """
    settings = load_settings()
    container = Container(settings=settings)
    for warning in unknown_keys() + settings.warnings():
        log.warning(warning)
    return create_app_from(container, create_socketio(container))


def create_app_from(container: Container, server: GuardedServer) -> ASGIApp:
    """Make the ASGI application of a container: HTTP and Socket.IO."""
    http = create_http_app(
        container,
        lifespan=[lambda _app: running(container), lambda _app: realtime(container, server)],
    )
    docs.prepare(http)
    return mount(server, http)
