"""Refusing clients of an older protocol or another namespace, so that they learn why."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

import msgspec
import socketio
from litestar.datastructures import Headers
from litestar.enums import ScopeType
from litestar.response.base import ASGIResponse
from litestar.types import (
    Receive,
    Scope,
    Send,
    WebSocketAcceptEvent,
    WebSocketCloseEvent,
    WebSocketSendEvent,
)

from domain.errors import DomainError
from entrypoints.realtime.connection import NAMESPACE
from entrypoints.wire.server_events import present_error_data

_OLDER_PROTOCOLS = {"1", "2", "3"}
_TOO_OLD = (
    "this service speaks Socket.IO protocol 5 (Engine.IO 4); use a client that does, such as "
    "socket.io-client 4 or python-socketio 5"
)
_PROTOCOL_ERROR = 1002
# For clients of Engine.IO 3: a handshake, a Socket.IO error, and a close.
_HANDSHAKE = '0{"sid":"none","upgrades":[],"pingInterval":25000,"pingTimeout":5000}'
_ERROR = "44" + json.dumps(_TOO_OLD)
_CLOSE = "1"


class WrongNamespace(DomainError):
    """The client connects to another namespace."""

    code = "wrong_namespace"


def connection_refused(error: Exception) -> socketio.exceptions.ConnectionRefusedError:
    """The exception that refuses a client with a reason."""
    data = present_error_data(error)
    return socketio.exceptions.ConnectionRefusedError(data.message, msgspec.to_builtins(data))


class OtherNamespaces(socketio.AsyncNamespace):  # type: ignore[misc]
    """All other namespaces, the default one among them; refuses every client."""

    def __init__(self) -> None:
        super().__init__("*")

    async def trigger_event(self, event: str, *args: Any) -> None:
        """Refuse to connect; a client that is not connected sends nothing else."""
        if event == "connect":
            message = f"connect to the namespace {NAMESPACE}; this one does nothing"
            raise connection_refused(WrongNamespace(message))


def is_too_old(scope: Scope) -> bool:
    """Whether the request opens a protocol before Engine.IO 4 (Socket.IO clients 1 and 2)."""
    query = parse_qs(scope["query_string"].decode("latin-1"))
    return "sid" not in query and query.get("EIO", [""])[0] in _OLDER_PROTOCOLS


async def refuse_old_client(scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse in the client's own protocol, so that its user sees the reason."""
    if scope["type"] == ScopeType.WEBSOCKET:
        await receive()
        await send(WebSocketAcceptEvent(type="websocket.accept", subprotocol=None, headers=[]))
        for packet in (_HANDSHAKE, _ERROR):
            await send(WebSocketSendEvent(type="websocket.send", bytes=None, text=packet))
        reason = "use a client of Engine.IO 4"
        await send(WebSocketCloseEvent(type="websocket.close", code=_PROTOCOL_ERROR, reason=reason))
    elif scope["type"] == ScopeType.HTTP:
        packets = (_HANDSHAKE, _ERROR, _CLOSE)
        headers = {"content-type": "text/plain; charset=UTF-8"}
        # Any page may read this: it holds no data.
        if origin := Headers.from_scope(scope).get("origin"):
            headers |= may_be_read_by(origin)
        answer = ASGIResponse(
            body="".join(f"{len(packet)}:{packet}" for packet in packets), headers=headers
        )
        await answer(scope, receive, send)


def may_be_read_by(origin: str) -> dict[str, str]:
    """The headers that let the pages of an origin read an answer."""
    return {"access-control-allow-origin": origin, "access-control-allow-credentials": "true"}
