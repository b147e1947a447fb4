"""What stands in front of the Socket.IO library."""

from __future__ import annotations

import socketio
from litestar.enums import ScopeType
from litestar.types import (
    ASGIApp,
    HTTPResponseBodyEvent,
    HTTPResponseStartEvent,
    Receive,
    ReceiveMessage,
    Scope,
    Send,
    WebSocketDisconnectEvent,
)

from entrypoints.realtime.server import GuardedServer

_LONGEST_SIGNAL = 16
_PATH = "/socket.io/"
# In the form of Engine.IO's own errors, of which 0 is "transport unknown".
_NO_POLLING = (
    b'{"code":0,"message":"this service takes WebSockets only: '
    b"connect with transports: ['websocket']\"}"
)


def mount(server: GuardedServer, http: ASGIApp) -> ASGIApp:
    """Serve Socket.IO under ``/socket.io`` and everything else by the HTTP application."""
    both: ASGIApp = socketio.ASGIApp(server, http)
    polling = "polling" in server.eio.transports

    async def gate(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.WEBSOCKET:
            if not polling and scope["type"] == ScopeType.HTTP and scope["path"].startswith(_PATH):
                await _refuse_polling(send)
            else:
                await both(scope, receive, send)
            return

        async def guarded_receive() -> ReceiveMessage:
            message = await receive()
            if message["type"] == "websocket.receive" and not _makes_sense(message.get("text")):
                # The library would raise, and keep the session until its ping times out.
                return WebSocketDisconnectEvent(type="websocket.disconnect", code=1002)
            return message

        await both(scope, guarded_receive, send)

    return gate


async def _refuse_polling(send: Send) -> None:
    """The library would say no more than that the transport is invalid."""
    headers = [(b"content-type", b"application/json"), (b"x-content-type-options", b"nosniff")]
    await send(HTTPResponseStartEvent(type="http.response.start", status=400, headers=headers))
    await send(HTTPResponseBodyEvent(type="http.response.body", body=_NO_POLLING, more_body=False))


def _makes_sense(text: str | None) -> bool:
    """Whether a text message can be Engine.IO: a Socket.IO packet, or a short signal."""
    if text is None:
        return True
    if text[:1] == "4":
        return text[1:2] in set("0123456")
    return text[:1] in set("12356") and len(text) <= _LONGEST_SIGNAL
