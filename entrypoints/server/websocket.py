"""WebSocket connections, bounded before anything of the service is asked."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, cast

from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request

from entrypoints.server.connections import EXTENSION, Connections
from entrypoints.server.refusals import Refusal
from entrypoints.server.wire import Progress, address_of

# Of somebody who has not signed in: enough for a token, and nothing to keep a service busy with.
_STRANGERS_MESSAGE_BYTES = 64 * 1024
_STRANGERS_FRAMES_PER_S = 20
# Of an unfinished message this much costs nothing: a frame of video is smaller.
_FREE_BYTES = 2 * 2**20
_MAX_FRAGMENTS = 4096
_SLICE_BYTES = 16 * 1024
_STRANGERS_SLICE_BYTES = 2 * 1024
_MAX_UNREAD_BYTES = 256 * 1024
_FLUSH_S = 10.0

# Close codes of RFC 6455
_NOT_TEXT, _POLICY, _TOO_BIG, _TRY_AGAIN = 1007, 1008, 1009, 1013


class WebSocketConnection(WebSocketsSansIOProtocol):
    """A WebSocket that can cost no more than its limits.

    Until its client has signed in it has a few seconds and small messages, and gives its place to
    whoever needs one.

    Args:
        connections: all of this process.
        uvicorn: what uvicorn makes a protocol with.
    """

    def __init__(self, *, connections: Connections, **uvicorn: Any) -> None:
        super().__init__(**uvicorn)
        # Both libraries log addresses, with the tokens in them, and whole messages.
        self.logger = self.conn.logger = logging.getLogger(f"{__name__}.library")
        self.logger.setLevel(logging.WARNING)
        self.conn.debug = False
        self.address = ""
        self.is_trusted = False
        self._service = self.app
        self.app = self._serve
        self._connections = connections
        self._limits = limits = connections.limits
        self._wire: asyncio.Transport
        self._progress = Progress(limits.send_timeout_s, limits.body_min_bytes_per_s)
        self._made_at = self._counted_at = self.loop.time()
        self._closing_since: float | None = None
        self._frames_per_s = min(_STRANGERS_FRAMES_PER_S, limits.frames_per_s)
        self._frames_left = 2.0 * self._frames_per_s
        self._fragments = 0
        self._fragment_bytes = 0
        self._held_bytes = 0
        self._message_since: float | None = None
        self.conn.max_message_size = min(_STRANGERS_MESSAGE_BYTES, limits.message_bytes)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the place over that the connection had for HTTP."""
        self._wire = cast("asyncio.Transport", transport)
        self.address = address_of(transport)
        self._connections.take(self)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back, and what was held of a message."""
        self._account(0)
        self._connections.forget(self)
        super().connection_lost(exc)

    def trust(self) -> None:
        """Let the client do what somebody who has signed in may do."""
        if not self.is_trusted:
            self.is_trusted = True
            self._frames_per_s = self._limits.frames_per_s
            self._frames_left = 2.0 * self._frames_per_s
            self.conn.max_message_size = self._limits.message_bytes
            self._connections.work(self)

    def refused(self, reason: Refusal) -> None:
        """Count what was refused further in."""
        self._connections.refusals.count(reason)

    def data_received(self, data: bytes) -> None:
        """Take bytes in; in slices, so that a flood of tiny frames is seen before it is read."""
        size = _SLICE_BYTES if self.is_trusted else _STRANGERS_SLICE_BYTES
        for start in range(0, len(data), size):
            if self._wire.is_closing():
                return
            super().data_received(data[start : start + size])
            self._look_at_message()

    def handle_events(self) -> None:
        """Take frames in, as many as may come in a second."""
        now_s = self.loop.time()
        earned = (now_s - self._counted_at) * self._frames_per_s
        self._frames_left = min(self._frames_left + earned, 2.0 * self._frames_per_s)
        self._frames_left -= len(self.conn.events)
        self._counted_at = now_s
        if self._frames_left < 0:
            self._refuse(Refusal.TOO_MANY_FRAMES, _POLICY)
            return
        super().handle_events()

    def handle_parser_exception(self) -> None:
        """Count messages that are too large; the library has written why it closes."""
        sent = self.conn.close_sent
        if sent is not None and sent.code == _TOO_BIG:
            self._connections.refusals.count(Refusal.MESSAGE_TOO_LARGE)
        super().handle_parser_exception()

    def handle_connect(self, event: Request) -> None:
        """Open, and let the service find this connection in the scope."""
        super().handle_connect(event)
        if not self.handshake_complete:
            extensions: Any = self.scope["extensions"]
            extensions[EXTENSION] = self

    def handle_text(self, event: Frame) -> None:
        """Begin a message of text."""
        self._fragments, self._fragment_bytes = 1, len(event.data)
        super().handle_text(event)

    def handle_bytes(self, event: Frame) -> None:
        """Begin a message of bytes."""
        self._fragments, self._fragment_bytes = 1, len(event.data)
        super().handle_bytes(event)

    def handle_cont(self, event: Frame) -> None:
        """Go on with a message."""
        self._fragments += 1
        self._fragment_bytes += len(event.data)
        if self._fragments > _MAX_FRAGMENTS:
            self._refuse(Refusal.TOO_MANY_FRAMES, _TOO_BIG)
        else:
            super().handle_cont(event)

    def handle_ping(self) -> None:
        """Answer a ping, unless the answers pile up."""
        if self._wire.is_closing():
            return  # by one of the pings before it
        super().handle_ping()
        if self._wire.get_write_buffer_size() > _MAX_UNREAD_BYTES:
            self._connections.refusals.count(Refusal.PONGS_NOT_READ)
            self._wire.abort()

    def send_receive_event_to_app(self) -> None:
        """Hand a whole message on; uvicorn would log a stack trace for each that is no text."""
        self._fragments = self._fragment_bytes = 0
        self._message_since = None
        if self.curr_msg_data_type == "text":
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self._refuse(Refusal.MALFORMED_MESSAGE, _NOT_TEXT)
                return
        super().send_receive_event_to_app()

    def check(self, now_s: float) -> None:
        """End the connection if it has waited too long for something."""
        if self._wire.is_closing():
            self._closing_since = self._closing_since or now_s
            if now_s - self._closing_since > _FLUSH_S:
                self._wire.abort()
        elif self._progress.is_stuck(self._wire.get_write_buffer_size(), now_s):
            self._connections.refusals.count(Refusal.ANSWER_NOT_READ)
            self._wire.abort()
        elif not self.is_trusted and now_s - self._made_at > self._limits.sign_in_timeout_s:
            self._refuse(Refusal.NOT_SIGNED_IN, _POLICY)
        elif (
            self._message_since is not None
            and not self.read_paused
            and now_s - self._message_since > self._limits.message_timeout_s
        ):
            self._refuse(Refusal.MESSAGE_TOO_SLOW, _POLICY)

    def bytes_per_s(self, now_s: float) -> float | None:
        """How fast the client reads, if something waits for it."""
        return self._progress.bytes_per_s(now_s)

    def give_way(self) -> None:
        """End the connection, because its place is needed."""
        self._wire.abort()

    async def _serve(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        await self._connections.turns.wait()
        await self._service(scope, receive, send)

    def _look_at_message(self) -> None:
        held = self._fragment_bytes + len(self.conn.reader.buffer)
        if held and self._message_since is None:
            self._message_since = self.loop.time()
        elif not held:
            self._message_since = None
        if not self._account(max(held - _FREE_BYTES, 0)):
            self._refuse(Refusal.UNFINISHED_MESSAGES, _TRY_AGAIN)

    def _account(self, held_bytes: int) -> bool:
        change, self._held_bytes = held_bytes - self._held_bytes, held_bytes
        return self._connections.hold(change) or not held_bytes

    def _refuse(self, reason: Refusal, code: int) -> None:
        """Close with a code, and hold nothing any more."""
        if self._wire.is_closing():
            return
        self._connections.refusals.count(reason)
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": ""})
        if self.handshake_complete and not self.close_sent:
            self.conn.fail(code, reason.replace("_", " "))
            self._wire.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.frames = []
        self._account(0)
        self._wire.close()
