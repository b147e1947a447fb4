"""What stands in front of the Socket.IO library."""

from __future__ import annotations

import socketio
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, ReceiveMessage, Scope, Send, WebSocketDisconnectEvent

from entrypoints.realtime.server import GuardedServer

_LONGEST_SIGNAL = 16


def mount(server: GuardedServer, http: ASGIApp) -> ASGIApp:
    """Serve Socket.IO under ``/socket.io`` and everything else by the HTTP application."""
    both: ASGIApp = socketio.ASGIApp(server, http)

    async def gate(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.WEBSOCKET:
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


def _makes_sense(text: str | None) -> bool:
    """Whether a text message can be Engine.IO: a Socket.IO packet, or a short signal."""
    if text is None:
        return True
    if text[:1] == "4":
        return text[1:2] in set("0123456")
    return text[:1] in set("12356") and len(text) <= _LONGEST_SIGNAL
