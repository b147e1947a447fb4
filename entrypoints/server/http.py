"""HTTP connections, with limits that apply before the application gets a request."""

from __future__ import annotations

import asyncio
import re
import sys
from typing import Any, cast

import h11
from uvicorn._types import (
    ASGIReceiveCallable,
    ASGISendCallable,
    ASGISendEvent,
    HTTPResponseBodyEvent,
    Scope,
)
from uvicorn.protocols.http.h11_impl import H11Protocol

from domain.network_address import network_of
from entrypoints.server.acceptor import HEALTH_PATH
from entrypoints.server.connections import EXTENSION, Connections
from entrypoints.server.pacing import NO_TOKEN, RequestPacing
from entrypoints.server.refusals import Refusal, problem_response
from entrypoints.server.request_line import in_ascii, use_path_of_url
from entrypoints.server.transport import (
    LAST_PAUSE_S,
    DelayedCloseTransport,
    Progress,
    peer_address,
)
from entrypoints.wire.limits import MAX_HEADER_LINES

_END_OF_HEADERS = re.compile(rb"\n\r?\n")
PIECE_BYTES = 64 * 1024
"""A larger part of an answer is sent in several."""
# Parsing a chunk takes as long as receiving kilobytes. It has two line ends; bodies hold few more.
_FREE_LINE_ENDS = 256
_MIN_BYTES_PER_LINE_END = 48
_CLOSE = (b"connection", b"close")
# A client may pause this long while its body is discarded, and may take this long to read what was
# written before the connection is closed.
_DISCARD_PAUSE_S = 5.0
_FLUSH_S = 10.0
_LAST_DISCARD_S = 1.0
_MAX_TURNED_AWAY = 32
_TURNED_AWAY_S = 1.0


class HttpConnection(H11Protocol):
    """A connection with limits that delivers every answer.

    An answer given before the body was read announces that the connection closes. The rest of the
    body is read and discarded, because closing a socket with unread data in it resets the
    connection, and the client loses the answer.

    Args:
        connections: all of this process.
        uvicorn: the arguments that uvicorn passes to a protocol.
    """

    def __init__(self, *, connections: Connections, **uvicorn: Any) -> None:
        super().__init__(**uvicorn)
        self.address = ""
        self._connections = connections
        self._limits = connections.limits
        self._service = self.app
        self.app = self._serve
        self._raw: asyncio.Transport
        self._progress = Progress(self._limits.send_timeout_s, self._limits.body_min_bytes_per_s)
        self._is_upgraded = False
        self._is_pipelined = False
        self._is_cut_off = False
        self._is_turned_away = False
        self._awaits_turn = False
        # Times are those of the loop.
        self._made_at = self._heard_at = self.loop.time()
        self._closing_since: float | None = None
        # The headers of the arriving request
        self._header_bytes = 0
        self._header_lines = 0
        self._header_end = b""
        self._header_since: float | None = None
        self._token = NO_TOKEN
        # The arriving body; while the application does not read, the client is not late.
        self._body_since = 0.0
        self._body_bytes = 0
        self._body_left: int | None = None
        self._is_chunked = False
        self._line_ends = 0
        self._body_grace_s = self._limits.body_timeout_s
        # The body that is discarded
        self._discard_s = self._limits.discard_timeout_s
        self._discard_until: float | None = None
        self._discard_bytes = self._limits.discard_bytes

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Admit the connection or refuse it."""
        self._raw = transport
        self.address = peer_address(transport)
        gentle = DelayedCloseTransport(
            transport, self._close, self._is_closing, self._resume_in_turn
        )
        super().connection_made(cast("asyncio.Transport", gentle))
        if self.client is not None:
            self.client = (self.address, self.client[1])
        refusal = self._connections.admit(self)
        if refusal is not None:
            self._turn_away(refusal)

    def connection_lost(self, exc: Exception | None) -> None:
        """Free the place."""
        self._connections.forget(self)
        if self._is_turned_away:
            self._connections.turned_away -= 1
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Accept bytes within the limits."""
        self._heard_at = self.loop.time()
        if self._discard_until is not None:
            self._discard(data)
            return
        while data and not self._is_over():
            if self.conn.their_state is h11.IDLE:
                data = self._receive_header(data)
            elif self.conn.their_state is h11.SEND_BODY:
                data = self._receive_body(data)
            else:
                self._receive_pipelined(data)
                data = b""

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Pass the connection and its place to the WebSocket protocol."""
        self._is_upgraded = True
        self._connections.forget(self)
        self.transport = self._raw
        super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        """Be ready for the next request, which may have arrived already."""
        before = self.cycle
        is_next_arriving = bool(self.conn.trailing_data[0])
        self._connections.rest(self, is_kept_alive=not is_next_arriving and not self._is_closing())
        super().on_response_complete()
        self._is_pipelined = self.cycle is not before
        if self._is_pipelined:
            self._begin_request()

    def shutdown(self) -> None:
        """Finish the request in work; close at once if there is none."""
        self._discard_s = min(self._discard_s, _LAST_DISCARD_S)
        send_s = min(self._limits.send_timeout_s, LAST_PAUSE_S)
        self._progress = Progress(send_s, self._limits.body_min_bytes_per_s)
        if self._discard_until is not None:
            self._discard_until = min(self._discard_until, self.loop.time() + self._discard_s)
        elif self.cycle is None or self.cycle.response_complete:
            self._raw.close()
        else:
            self.cycle.keep_alive = False
            self._body_since, self._body_bytes = self.loop.time(), 0
            self._body_grace_s = min(self._body_grace_s, LAST_PAUSE_S)

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP."""
        error = sys.exc_info()[1]
        if isinstance(error, h11.RemoteProtocolError) and error.error_status_hint == 431:
            self._refuse(Refusal.HEADER_TOO_LARGE, "header_too_large")
        else:
            self._refuse(Refusal.MALFORMED_REQUEST, "malformed_request")

    def check(self, now_s: float) -> None:
        """Close the connection if something has timed out."""
        if self._discard_until is not None:
            paused = now_s - self._heard_at > _DISCARD_PAUSE_S
            if (paused or now_s > self._discard_until) and not self._raw.is_closing():
                self._raw.close()
        if self._raw.is_closing():
            self._closing_since = self._closing_since or now_s
            if self._is_stuck(now_s) or now_s - self._closing_since > _FLUSH_S:
                self._raw.abort()
        elif self._discard_until is not None:
            pass
        elif self._is_stuck(now_s):
            self._connections.refusals.count(Refusal.ANSWER_NOT_READ)
            self._abandon()
        elif self._header_since is not None:
            if now_s - self._header_since > self._limits.header_timeout_s:
                self._refuse(Refusal.HEADER_TOO_SLOW, "request_timeout")
        elif self.cycle is None:
            if now_s - self._made_at > self._limits.header_timeout_s:
                self._connections.refusals.count(Refusal.IDLE)
                self._raw.close()
        elif self._is_receiving() and not self.cycle.response_complete:
            if self._is_held_back():
                self._body_since += 1.0
            rate = self._limits.body_min_bytes_per_s
            if now_s - self._body_since > self._body_grace_s + self._body_bytes / rate:
                self._refuse(Refusal.BODY_TOO_SLOW, "request_timeout")

    def bytes_per_s(self, now_s: float) -> float | None:
        """How fast the client sends its body or reads its answer, if either is expected."""
        if self._is_receiving() and self.cycle is not None and not self._is_held_back():
            return self._body_bytes / max(now_s - self._body_since, 1.0)
        return self._progress.bytes_per_s(now_s)

    @property
    def is_sending(self) -> bool:
        """Whether the client has not read all of an answer yet."""
        return self._raw.get_write_buffer_size() > 0

    def give_way(self) -> None:
        """Close the connection, because its place is needed."""
        self._abandon()

    def may_give_way(self) -> None:
        """Let the connection be evicted although it has a request in work."""
        self._connections.rest(self)

    def refused(self, reason: Refusal) -> None:
        """Count what the service refused."""
        self._connections.refusals.count(reason)

    def hold(self, change_bytes: int) -> bool:
        """Count the held bytes of a large body; False if all together are too many."""
        return self._connections.hold(change_bytes)

    def hold_answer(self, size: int) -> None:
        """Count bytes of an answer that the application keeps until they are sent."""
        self._connections.hold_answer(self, size)

    def release_answer(self, size: int) -> None:
        """The application has sent them, or given up."""
        self._connections.release_answer(self, size)

    async def _serve(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        async def announce_and_send(message: ASGISendEvent) -> None:
            is_last = self._is_receiving() or not self.cycle.keep_alive
            if message["type"] == "http.response.start" and is_last:
                headers = [each for each in message.get("headers", []) if each[0] != _CLOSE[0]]
                message["headers"] = [*headers, _CLOSE]
            elif message["type"] == "http.response.body":
                await self._send_in_pieces(message, send)
                return
            await send(message)

        cast("dict[str, Any]", scope)["extensions"] = {EXTENSION: self}
        use_path_of_url(cast("dict[str, Any]", scope))
        try:
            await self._pacing().wait(network_of(self.address), self._token)
            await self._service(scope, receive, announce_and_send)
        except asyncio.CancelledError:
            # The service ends, and the request took too long. To uvicorn that is a fault.
            self._refuse(Refusal.SHUTTING_DOWN, "overloaded")

    def _pacing(self) -> RequestPacing:
        if self.scope["path"] == HEALTH_PATH:
            return self._connections.health_pacing
        if self._is_pipelined:
            return self._connections.pipelined_pacing
        if self._token != NO_TOKEN:
            return self._connections.token_pacing
        return self._connections.pacing

    async def _send_in_pieces(self, message: HTTPResponseBodyEvent, send: ASGISendCallable) -> None:
        """Send a part of an answer so that no more is buffered than the client reads."""
        rest = memoryview(message.get("body", b""))
        held = len(rest) if len(rest) > PIECE_BYTES else 0
        if held:
            # Not counted while it waits: many clients that do read would be cut off.
            await self._connections.answers.wait(network_of(self.address), self._token)
            self.hold_answer(held)
        try:
            while len(rest) > PIECE_BYTES:
                piece, rest = bytes(rest[:PIECE_BYTES]), rest[PIECE_BYTES:]
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            message["body"] = bytes(rest)
            await send(message)
        finally:
            if held:
                self.release_answer(held)

    def _receive_header(self, data: bytes) -> bytes:
        """Accept as much of the data as headers may have; returns the rest."""
        if self._header_since is None:
            # The beginning of a pipelined request waits in h11 already.
            if not self.conn.trailing_data[0]:
                data = self._without_empty_lines(data)
            if not data:
                return b""
            self._header_since = self.loop.time()
            self._connections.rest(self)
        room = self._limits.max_header_bytes - self._header_bytes
        piece, rest = data[:room], data[room:]
        self._header_bytes += len(piece)
        # Parsing a line costs more than receiving it, so lines are counted first.
        text = self._header_end + piece
        end = _END_OF_HEADERS.search(text)
        self._header_lines += text.count(b"\n", len(self._header_end), end.start() if end else None)
        seen, self._header_end = len(self._header_end), text[-2:]
        if end is not None and end.end() > seen:  # the body is checked before it is parsed
            piece, rest = piece[: end.end() - seen], piece[end.end() - seen :] + rest
        if self._header_lines > MAX_HEADER_LINES:
            self._refuse(Refusal.HEADER_TOO_LARGE, "header_too_large")
            return b""
        if not piece.isascii():
            piece = in_ascii(piece, self.conn.trailing_data[0])
        self._feed(piece)
        if self.conn.their_state is h11.IDLE and not self._is_over() and rest:
            self._refuse(Refusal.HEADER_TOO_LARGE, "header_too_large")
            return b""
        return rest

    def _without_empty_lines(self, data: bytes) -> bytes:
        """Ignore empty lines before a request (RFC 9112, section 2.2).

        Some clients send one behind a body without counting it.
        """
        rest = data.lstrip(b"\r\n")
        self._header_bytes += len(data) - len(rest)
        if self._header_bytes > self._limits.max_header_bytes:
            self._refuse(Refusal.HEADER_TOO_LARGE, "header_too_large")
            return b""
        return rest

    def _receive_body(self, data: bytes) -> bytes:
        """Accept a part of the body; returns what comes behind it."""
        rest = b""
        if self._body_left is not None:
            data, rest = data[: self._body_left], data[self._body_left :]
            self._body_left -= len(data)
        self._body_bytes += len(data)
        if self._has_tiny_chunks(data):
            self._refuse(Refusal.MALFORMED_REQUEST, "malformed_request")
            return b""
        self._feed(data)
        is_at_end = self._is_chunked and self.conn.their_state is h11.DONE
        if is_at_end and len(self.conn.trailing_data[0]) > self._limits.max_header_bytes:
            self._cut_off()
        return rest

    def _receive_pipelined(self, data: bytes) -> None:
        """Keep the beginning of another request while one is in work.

        If that is too much, the request in work is the last that is answered: its client sends the
        others again when the connection closes (RFC 9112, section 9.3.2).
        """
        held, _ = self.conn.trailing_data
        if not self._is_cut_off:
            data = data if held else self._without_empty_lines(data)
            if len(held) + len(data) <= self._limits.max_header_bytes:
                self._feed(data)
                return
            self._cut_off()
        self.flow.pause_reading()

    def _cut_off(self) -> None:
        """Answer the request in work, and none of those behind it."""
        self._connections.refusals.count(Refusal.PIPELINED)
        self._is_cut_off = True
        self.cycle.keep_alive = False

    def _feed(self, data: bytes) -> None:
        if not data:  # To h11, no bytes mean that the client has closed its side.
            return
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before:
            self._begin_request()

    def _begin_request(self) -> None:
        self._connections.work(self)
        self._header_bytes = self._header_lines = 0
        self._header_end, self._header_since = b"", None
        self._body_since, self._body_bytes = self.loop.time(), 0
        self._is_chunked = any(name == b"transfer-encoding" for name, _ in self.headers)
        length = next((value for name, value in self.headers if name == b"content-length"), None)
        self._body_left = None if length is None or self._is_chunked else int(length)
        if self._is_chunked and length is not None:
            # A proxy in front may go by the length: to it the next request is a part of this body.
            self.cycle.keep_alive = False
        sent = (value for name, value in self.headers if name == b"authorization")
        self._token = next(sent, b"").decode("latin-1")
        self._line_ends = 0

    def _has_tiny_chunks(self, data: bytes) -> bool:
        """Whether parsing the body would block the event loop: it consists of tiny chunks."""
        if not self._is_chunked:
            return False
        self._line_ends += data.count(b"\r\n")
        min_bytes = _MIN_BYTES_PER_LINE_END * self._line_ends
        return self._line_ends > _FREE_LINE_ENDS and self._body_bytes < min_bytes

    def _is_receiving(self) -> bool:
        """Whether the body of the request in work is still coming in."""
        return self.conn.their_state is h11.SEND_BODY

    def _is_stuck(self, now_s: float) -> bool:
        """Whether the client does not read what was written."""
        return self._progress.is_stuck(self._raw.get_write_buffer_size(), now_s)

    def _is_over(self) -> bool:
        return (
            self._is_upgraded
            or self._is_closing()
            or self.conn.their_state in (h11.MUST_CLOSE, h11.CLOSED, h11.ERROR)
        )

    def _is_closing(self) -> bool:
        return self._discard_until is not None or self._raw.is_closing()

    def _close(self) -> None:
        """Close once the client has sent everything."""
        if self._is_closing():
            return
        if self._is_cut_off or self.conn.their_state in (h11.SEND_BODY, h11.ERROR):
            self._begin_discarding()
        else:
            self._raw.close()

    def _begin_discarding(self) -> None:
        self._connections.rest(self)
        self._unset_keepalive_if_required()
        self._heard_at = self.loop.time()
        self._discard_until = self._heard_at + self._discard_s
        self.flow.resume_reading()

    def _discard(self, data: bytes) -> None:
        self._discard_bytes -= len(data)
        self._body_bytes += len(data)
        if self._discard_bytes < 0:
            self._raw.close()
        elif self.conn.their_state is h11.SEND_BODY and not self._has_tiny_chunks(data):
            self.conn.receive_data(data)
            try:
                while (event := self.conn.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
                    if isinstance(event, h11.EndOfMessage):
                        self._raw.close()
                        return
            except h11.RemoteProtocolError:
                pass  # It is not HTTP any more, and is discarded as well.
        if not self._raw.is_closing():
            self._raw.pause_reading()
            self._connections.discarding.wait(self._read_on, network_of(self.address))

    def _is_held_back(self) -> bool:
        """Whether it is not the client's fault that no more of the body comes in."""
        return self.flow.read_paused or self._awaits_turn

    def _resume_in_turn(self) -> None:
        """Read on, when it is this connection's turn: the application wants more of the body."""
        self._awaits_turn = True
        self._connections.bodies.wait(self._read_on, network_of(self.address), self._token)

    def _read_on(self) -> None:
        self._awaits_turn = False
        # It may have been paused again meanwhile, before a pipelined request.
        if not self._raw.is_closing() and not self.flow.read_paused:
            self._raw.resume_reading()

    def _refuse(self, reason: Refusal, code: str) -> None:
        """Answer with a problem instead of calling the application, and close."""
        if self._is_closing():
            return
        self._connections.refusals.count(reason)
        if self.cycle is not None and not self.cycle.response_complete:
            is_too_late = self.cycle.response_started
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if is_too_late:
                self._raw.close()
                return
        self._raw.write(problem_response(code))
        self._begin_discarding()

    def _turn_away(self, reason: Refusal) -> None:
        """Answer that there is no place; a few at a time, because each uses memory."""
        if self._connections.turned_away >= _MAX_TURNED_AWAY:
            self._connections.refusals.count(reason)
            self._raw.abort()
            return
        self._is_turned_away = True
        self._connections.turned_away += 1
        self._refuse(reason, "too_many_connections")
        self.loop.call_later(_TURNED_AWAY_S, self._raw.close)

    def _abandon(self) -> None:
        """Close at once: the client does not read any more."""
        self._unset_keepalive_if_required()
        self._raw.abort()
