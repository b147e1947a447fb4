"""Telling clients that cannot be served why: those of an older protocol or another namespace."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

import msgspec
import socketio
from litestar.enums import ScopeType
from litestar.types import (
    HTTPResponseBodyEvent,
    HTTPResponseStartEvent,
    HTTPScope,
    Receive,
    Scope,
    Send,
    WebSocketAcceptEvent,
    WebSocketCloseEvent,
    WebSocketSendEvent,
)

from domain.errors import DomainError
from entrypoints.realtime.connection import NAMESPACE
from entrypoints.wire.server_events import present_refusal

_OLDER_PROTOCOLS = {"1", "2", "3"}
_TOO_OLD = (
    "this service speaks Socket.IO protocol 5 (Engine.IO 4); use a client that does, such as "
    "socket.io-client 4 or python-socketio 5"
)
_PROTOCOL_ERROR = 1002
# What a client of Engine.IO 3 understands: a greeting, Socket.IO's error for everybody, the end.
_GREETING = '0{"sid":"none","upgrades":[],"pingInterval":25000,"pingTimeout":5000}'
_ERROR = "44" + json.dumps(_TOO_OLD)
_END = "1"


class WrongNamespace(DomainError):
    """The client connects to a namespace that does nothing."""

    code = "wrong_namespace"


def refused(error: Exception) -> socketio.exceptions.ConnectionRefusedError:
    """What to raise so that a client is not let in and learns why."""
    refusal = present_refusal(error)
    return socketio.exceptions.ConnectionRefusedError(refusal.message, msgspec.to_builtins(refusal))


class OtherNamespaces(socketio.AsyncNamespace):  # type: ignore[misc]
    """Every namespace that is not ours, the default one among them; lets nobody in."""

    def __init__(self) -> None:
        super().__init__("*")

    async def trigger_event(self, event: str, *args: Any) -> None:
        """Refuse to connect; nothing else comes from a client that is not connected."""
        if event == "connect":
            message = f"connect to the namespace {NAMESPACE}: there is nothing in this one"
            raise refused(WrongNamespace(message))


def is_too_old(scope: Scope) -> bool:
    """Whether the request greets in a protocol before Engine.IO 4 (Socket.IO clients 1 and 2)."""
    query = parse_qs(scope["query_string"].decode("latin-1"))
    return "sid" not in query and query.get("EIO", [""])[0] in _OLDER_PROTOCOLS


async def refuse_old_client(scope: Scope, receive: Receive, send: Send) -> None:
    """Say so in the client's own protocol, which is what reaches its user."""
    if scope["type"] == ScopeType.WEBSOCKET:
        await receive()
        await send(WebSocketAcceptEvent(type="websocket.accept", subprotocol=None, headers=[]))
        for packet in (_GREETING, _ERROR):
            await send(WebSocketSendEvent(type="websocket.send", bytes=None, text=packet))
        reason = "use a client of Engine.IO 4"
        await send(WebSocketCloseEvent(type="websocket.close", code=_PROTOCOL_ERROR, reason=reason))
    elif scope["type"] == ScopeType.HTTP:
        await _answer(scope, send)


async def _answer(scope: HTTPScope, send: Send) -> None:
    packets = (_GREETING, _ERROR, _END)
    body = "".join(f"{len(packet)}:{packet}" for packet in packets).encode()
    headers = [
        (b"content-type", b"text/plain; charset=UTF-8"),
        (b"content-length", b"%d" % len(body)),
    ]
    # Any page may read this, for it tells nothing of anybody.
    for name, origin in scope["headers"]:
        if name == b"origin":
            headers.append((b"access-control-allow-origin", origin))
            headers.append((b"access-control-allow-credentials", b"true"))
    await send(HTTPResponseStartEvent(type="http.response.start", status=200, headers=headers))
    await send(HTTPResponseBodyEvent(type="http.response.body", body=body, more_body=False))
