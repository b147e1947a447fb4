"""Checks before the Socket.IO library."""

from __future__ import annotations

from urllib.parse import parse_qs

import socketio
from litestar.datastructures import Headers
from litestar.enums import ScopeType
from litestar.response.base import ASGIResponse
from litestar.types import (
    ASGIApp,
    HTTPDisconnectEvent,
    Message,
    Receive,
    ReceiveMessage,
    Scope,
    Send,
    WebSocketDisconnectEvent,
)

from entrypoints.realtime.connection import NAMESPACE
from entrypoints.realtime.other_clients import is_too_old, may_be_read_by, refuse_old_client
from entrypoints.realtime.server import MAX_MESSAGE_BYTES, GuardedServer
from entrypoints.server.connections import connection_of
from entrypoints.server.http import HttpConnection
from entrypoints.server.refusals import Refusal
from entrypoints.server.websocket import WebSocketConnection

_MAX_SIGNAL_LENGTH = 16
_PATH = "/socket.io/"
_CONNECTED = f"40{NAMESPACE},"
# Enough for a token.
_POST_BYTES_BEFORE_SIGN_IN = 64 * 1024
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"vary", b"Origin"),
)
# In the form of Engine.IO's own errors, of which 0 is "transport unknown".
_NO_POLLING = (
    b'{"code":0,"message":"this service takes WebSockets only: '
    b"connect with transports: ['websocket']\"}"
)
_TOO_LARGE = b'{"code":3,"message":"the body is larger than this service takes"}'


def mount(server: GuardedServer, http: ASGIApp) -> ASGIApp:
    """Serve Socket.IO under ``/socket.io`` and everything else by the HTTP application."""
    both: ASGIApp = socketio.ASGIApp(server, http)
    polling = "polling" in server.eio.transports

    async def gate(scope: Scope, receive: Receive, send: Send) -> None:
        if _is_socketio(scope) and is_too_old(scope):
            await refuse_old_client(scope, receive, send)
        elif scope["type"] == ScopeType.WEBSOCKET:
            await _talk(server, both, scope, receive, send)
        elif not _is_socketio(scope):
            await both(scope, receive, send)
        elif not polling:
            refusal = _refusal(server, scope, 400, _NO_POLLING)
            await refusal(scope, receive, _with_headers(send))
        else:
            await _poll(server, both, scope, receive, send)

    return gate


def _is_socketio(scope: Scope) -> bool:
    is_request = scope["type"] in {ScopeType.HTTP, ScopeType.WEBSOCKET}
    return is_request and f"{scope['path']}/".startswith(_PATH)


async def _talk(
    server: GuardedServer, both: ASGIApp, scope: Scope, receive: Receive, send: Send
) -> None:
    """Serve a WebSocket, and notice when its client has signed in.

    It has when the connection carries the acceptance of a token, or continues a polling session
    that has signed in.
    """
    connection: WebSocketConnection | None = connection_of(scope)
    sid = _sid(scope)

    async def receive_engine_io() -> ReceiveMessage:
        message = await receive()
        if message["type"] == "websocket.receive" and not _is_engine_io(message.get("text")):
            # The library would raise, and keep the session until its ping times out.
            return WebSocketDisconnectEvent(type="websocket.disconnect", code=1002)
        if connection is not None and not connection.is_trusted and server.has_signed_in(sid):
            connection.trust()
        return message

    async def notice_and_send(message: Message) -> None:
        if (
            connection is not None
            and not connection.is_trusted
            and message["type"] == "websocket.send"
            and (message.get("text") or "").startswith(_CONNECTED)
        ):
            connection.trust()
        await send(message)

    await both(scope, receive_engine_io, notice_and_send)


async def _poll(
    server: GuardedServer, both: ASGIApp, scope: Scope, receive: Receive, send: Send
) -> None:
    """Serve a polling request, whose body may be large only once its client has signed in."""
    connection: HttpConnection | None = connection_of(scope)
    signed_in = server.has_signed_in(_sid(scope))
    if connection is not None and not signed_in:
        connection.may_give_way()
    limit = MAX_MESSAGE_BYTES if signed_in else _POST_BYTES_BEFORE_SIGN_IN
    send = _with_headers(send)
    if _announced_bytes(scope) > limit:
        if connection is not None:
            connection.refused(Refusal.BODY_NOT_WANTED)
        await _refusal(server, scope, 413, _TOO_LARGE)(scope, receive, send)
        return
    held = 0

    async def bounded_receive() -> ReceiveMessage:
        nonlocal held
        message = await receive()
        if message["type"] == "http.request" and connection is not None:
            held += len(message["body"])
            if not connection.hold(len(message["body"])):
                connection.refused(Refusal.UNFINISHED_MESSAGES)
                return await _disconnected()
        return message

    try:
        first: ReceiveMessage | None = await bounded_receive()
        if first is None or first["type"] != "http.request":
            return  # The client has disconnected, and the library would raise.

        async def receive_again() -> ReceiveMessage:
            nonlocal first
            message, first = first, None
            return message or await bounded_receive()

        await both(scope, receive_again, send)
    finally:
        if connection is not None:
            connection.hold(-held)
        # The library keeps the function until a garbage collection; the request should not wait.
        receive = _disconnected


async def _disconnected() -> ReceiveMessage:
    return HTTPDisconnectEvent(type="http.disconnect")


def _with_headers(send: Send) -> Send:
    """Add security headers, which the library's answers lack."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *_HEADERS]
        await send(message)

    return send_with_headers


def _refusal(server: GuardedServer, scope: Scope, status: int, body: bytes) -> ASGIResponse:
    """An answer in JSON that pages of an allowed origin can read, as those of the library."""
    sent = Headers.from_scope(scope)
    origin = sent.get("origin", "")
    is_allowed = server.eio.cors_allowed_origins
    headers = {}
    if origin and is_allowed(origin, {"HTTP_HOST": sent.get("host", "")}):
        headers = may_be_read_by(origin)
    return ASGIResponse(body=body, status_code=status, headers=headers)


def _sid(scope: Scope) -> str:
    query = parse_qs(scope["query_string"].decode("latin-1"))
    return query.get("sid", [""])[0]


def _announced_bytes(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


def _is_engine_io(text: str | None) -> bool:
    """Whether a text message can be Engine.IO: a message, or a short control packet."""
    if text is None or text[:1] == "4":
        return True
    return text[:1] in set("12356") and len(text) <= _MAX_SIGNAL_LENGTH
