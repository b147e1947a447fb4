"""WebSocket connections, with limits that apply before the application gets a message."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, cast

from uvicorn._types import ASGIReceiveCallable, ASGIReceiveEvent, ASGISendCallable, Scope
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidMessage
from websockets.frames import Frame
from websockets.http11 import Request

from domain.network_address import network_of
from entrypoints.server.connections import EXTENSION, Connections
from entrypoints.server.refusals import Refusal, problem_response
from entrypoints.server.transport import LAST_PAUSE_S, Progress, peer_address

MESSAGE_BYTES = 16 * 2**20
"""The largest message of a client that has signed in."""
# Of a client that has not signed in: enough for a token, too little to keep the service busy.
_ANONYMOUS_MESSAGE_BYTES = 64 * 1024
_ANONYMOUS_FRAMES_PER_S = 20
# This much of an unfinished message is not counted: a frame of video is smaller.
_FREE_BYTES = 2 * 2**20
_MAX_FRAGMENTS = 4096
_SLICE_BYTES = 16 * 1024
_ANONYMOUS_SLICE_BYTES = 2 * 1024
_MAX_UNREAD_BYTES = 256 * 1024
_FLUSH_S = 10.0

# Close codes of RFC 6455
_NOT_TEXT, _POLICY, _TOO_BIG, _TRY_AGAIN = 1007, 1008, 1009, 1013


class WebSocketConnection(WebSocketsSansIOProtocol):
    """A WebSocket with limits.

    Until its client has signed in, it has a few seconds, may send small messages only, and can be
    evicted.

    Args:
        connections: all of this process.
        uvicorn: the arguments that uvicorn passes to a protocol.
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
        self._raw: asyncio.Transport
        self._progress = Progress(limits.send_timeout_s, limits.body_min_bytes_per_s)
        self._made_at = self._counted_at = self.loop.time()
        self._closing_since: float | None = None
        self._frames_per_s = min(_ANONYMOUS_FRAMES_PER_S, limits.frames_per_s)
        self._frames_left = 2.0 * self._frames_per_s
        self._fragments = 0
        self._fragment_bytes = 0
        # Of a message that the service has not finished with
        self._delivered_bytes = 0
        self._held_bytes = 0
        self._message_since: float | None = None
        self.conn.max_message_size = _ANONYMOUS_MESSAGE_BYTES

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take over the place that the connection had as HTTP."""
        self._raw = cast("asyncio.Transport", transport)
        self.address = peer_address(transport)
        self._connections.take(self)
        super().connection_made(transport)
        if self.client is not None:
            self.client = (self.address, self.client[1])

    def connection_lost(self, exc: Exception | None) -> None:
        """Free the place and the bytes held of a message."""
        self._delivered_bytes = 0
        self._account(0)
        self._connections.forget(self)
        super().connection_lost(exc)

    def trust(self) -> None:
        """Apply the limits of clients that have signed in."""
        if not self.is_trusted:
            self.is_trusted = True
            self._frames_per_s = self._limits.frames_per_s
            self._frames_left = 2.0 * self._frames_per_s
            self.conn.max_message_size = MESSAGE_BYTES
            self._connections.work(self)

    def refused(self, reason: Refusal) -> None:
        """Count what the service refused."""
        self._connections.refusals.count(reason)

    def shutdown(self) -> None:
        """Close; a client that does not read is not waited for."""
        send_s = min(self._limits.send_timeout_s, LAST_PAUSE_S)
        self._progress = Progress(send_s, self._limits.body_min_bytes_per_s)
        super().shutdown()

    def data_received(self, data: bytes) -> None:
        """Accept bytes in slices, so that many tiny frames are counted before they are parsed."""
        size = _SLICE_BYTES if self.is_trusted else _ANONYMOUS_SLICE_BYTES
        for start in range(0, len(data), size):
            if self._raw.is_closing():
                return
            super().data_received(data[start : start + size])
            if self.conn.handshake_exc is not None and not self.handshake_initiated:
                self._refuse_handshake()
                return
            self._check_message()

    def handle_events(self) -> None:
        """Accept frames, as many per second as allowed."""
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
        """Accept, and add this connection to the scope for the application."""
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
        """Continue a message."""
        self._fragments += 1
        self._fragment_bytes += len(event.data)
        if self._fragments > _MAX_FRAGMENTS:
            self._refuse(Refusal.TOO_MANY_FRAMES, _TOO_BIG)
        else:
            super().handle_cont(event)

    def handle_ping(self) -> None:
        """Answer a ping, unless unread answers accumulate."""
        if self._raw.is_closing():
            return  # One of the pings before it closed the connection.
        super().handle_ping()
        if self._raw.get_write_buffer_size() > _MAX_UNREAD_BYTES:
            self._connections.refusals.count(Refusal.PONGS_NOT_READ)
            self._raw.abort()

    def send_receive_event_to_app(self) -> None:
        """Pass a whole message on; uvicorn would log a stack trace for invalid UTF-8."""
        self._delivered_bytes += self._fragment_bytes
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
        """Close the connection if something has timed out."""
        if self._raw.is_closing():
            self._closing_since = self._closing_since or now_s
            if self._is_stuck(now_s) or now_s - self._closing_since > _FLUSH_S:
                self._raw.abort()
        elif self._is_stuck(now_s):
            self._connections.refusals.count(Refusal.ANSWER_NOT_READ)
            self._raw.abort()
        elif not self.is_trusted and now_s - self._made_at > self._limits.socket_sign_in_s:
            self._refuse(Refusal.NOT_SIGNED_IN, _POLICY)
        elif (
            self._message_since is not None
            and not self.read_paused
            and now_s - self._message_since > self._limits.message_timeout_s
        ):
            self._refuse(Refusal.MESSAGE_TOO_SLOW, _POLICY)

    def bytes_per_s(self, now_s: float) -> float | None:
        """How fast the client reads, if anything is unsent."""
        return self._progress.bytes_per_s(now_s)

    @property
    def is_sending(self) -> bool:
        """Whether the client has not read all of what was sent."""
        return self._raw.get_write_buffer_size() > 0

    def give_way(self) -> None:
        """Close the connection, because its place is needed."""
        self._raw.abort()

    async def _serve(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        await self._connections.pacing.wait(network_of(self.address))

        async def finish_and_receive() -> ASGIReceiveEvent:
            # Until now the service was busy with the message before, which it held.
            self._delivered_bytes = 0
            if not self._raw.is_closing():
                self._check_message()
            return await receive()

        await self._service(scope, finish_and_receive, send)

    def _refuse_handshake(self) -> None:
        """Answer a handshake that the library cannot read; uvicorn does not."""
        is_malformed = isinstance(self.conn.handshake_exc, InvalidMessage)
        reason = Refusal.MALFORMED_REQUEST if is_malformed else Refusal.HEADER_TOO_LARGE
        self._connections.refusals.count(reason)
        self._raw.write(problem_response(reason))
        self._raw.close()

    def _is_stuck(self, now_s: float) -> bool:
        """Whether the client does not read what was written."""
        return self._progress.is_stuck(self._raw.get_write_buffer_size(), now_s)

    def _check_message(self) -> None:
        held = self._fragment_bytes + len(self.conn.reader.buffer)
        if held and self._message_since is None:
            self._message_since = self.loop.time()
        elif not held:
            self._message_since = None
        if not self._account(max(held + self._delivered_bytes - _FREE_BYTES, 0)):
            self._refuse(Refusal.UNFINISHED_MESSAGES, _TRY_AGAIN)

    def _account(self, held_bytes: int) -> bool:
        change, self._held_bytes = held_bytes - self._held_bytes, held_bytes
        return self._connections.hold(change) or not held_bytes

    def _refuse(self, reason: Refusal, code: int) -> None:
        """Close with a code, and free the bytes held of a message."""
        if self._raw.is_closing():
            return
        self._connections.refusals.count(reason)
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": ""})
        if self.handshake_complete and not self.close_sent:
            self.conn.fail(code, reason.replace("_", " "))
            self._raw.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.frames = []
        self._account(0)
        self._raw.close()
