"""The Socket.IO server, and what protects it from ill-behaved connections.

The library has no public way for most of this, so its private methods are overridden, here and
nowhere else; ``tests/integration/realtime/test_library.py`` fails when one of them changes.
Upstream:

- the queue to a client that does not read grows without bound: miguelgrinberg/Flask-SocketIO#311
- a POST of more than 16 packets cannot be read: miguelgrinberg/python-engineio#142
- a message that cannot be read is logged with a stack trace: miguelgrinberg/python-socketio#199
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import socketio
from engineio.async_socket import AsyncSocket
from engineio.exceptions import EngineIOError
from engineio.payload import Payload
from msgspec import Struct
from socketio.async_pubsub_manager import AsyncPubSubManager

from application.ports.message_channel import MessageChannel
from domain.errors import ImageTooLarge, InvalidRequest
from domain.session import MAX_FRAME_BYTES, MAX_FRAME_BYTES_IN_WORDS
from entrypoints.server.connections import connection_of
from entrypoints.server.refusals import Refusal
from entrypoints.wire.server_events import encode

# Frames over MAX_FRAME_BYTES should be answered by 413 and not by a closed connection, so the limit
# is higher: 10 MB are accepted even as base64.
MAX_MESSAGE_BYTES = 16 * 2**20 - 1024
PING_INTERVAL_S = 15
PING_TIMEOUT_S = 15
_MAX_ATTACHMENTS = 4
_MAX_PACKETS_PER_POST = 1024
_CLOGGED_PACKETS = 8
_MAX_VALUES = 4096
_MAX_NOT_SIGNED_IN = 256
# A client needs one to sign in; some ask for other namespaces first.
_MAX_MESSAGES_BEFORE_SIGN_IN = 64
_MESSAGES_A_TURN = 4
# The largest frame is shorter, however its base64 is written. Reading 15 MB of JSON would stop the
# event loop for a tenth of a second.
_MAX_TEXT_LENGTH = 4 * 2**20
_FRAME_ID = re.compile(r'"frame_id": ?(\d{1,15})[,}]')
_NEAR_AN_END = 200
_FLUSH_S = 2
# The JavaScript client in Node.js sends the words "[object Blob]" for a Blob.
_NOT_BINARY = "a binary part was announced and text came; send a Buffer where there is no Blob"

log = logging.getLogger(__name__)


def has_too_many_values(text: str) -> bool:
    """Whether a packet holds more values than any of our events.

    Numbers and lists take up to twenty times the memory of their text; a long string does not.
    """
    return len(text) > _MAX_VALUES and sum(map(text.count, ",:[")) > _MAX_VALUES


class UnreadEvent(ValueError):
    """An event that is not read, because that would cost too much.

    Attributes:
        problem: what its client is told.
        frame_id: of the frame, if it could be found without reading the event.
    """

    def __init__(self, problem: Exception, frame_id: int | None = None) -> None:
        super().__init__()
        self.problem = problem
        self.frame_id = frame_id


def _frame_id(text: str) -> int | None:
    ends = text[:_NEAR_AN_END] + " " + text[-_NEAR_AN_END:]
    found = _FRAME_ID.search(ends)
    return int(found[1]) if found else None


class OnePacket(socketio.packet.Packet):  # type: ignore[misc]
    """A Socket.IO packet with a limit on binary parts and values."""

    # Our events are structs, which the library's own module cannot write.
    json = SimpleNamespace(loads=json.loads, dumps=lambda data, **_: encode(data))

    def decode(self, encoded_packet: str) -> int:
        """Read a packet; ValueError for one that announces too many parts or holds too much."""
        if len(encoded_packet) > _MAX_TEXT_LENGTH:
            fault = (
                f"the event has more than {_MAX_TEXT_LENGTH / 2**20:g} MiB; a frame may have at "
                f"most {MAX_FRAME_BYTES_IN_WORDS}"
            )
            problem = ImageTooLarge(fault, limit=MAX_FRAME_BYTES)
            raise UnreadEvent(problem, _frame_id(encoded_packet))
        if has_too_many_values(encoded_packet):
            fault = "the event holds thousands of values; send an image as bytes or base64 text"
            raise UnreadEvent(InvalidRequest(fault), _frame_id(encoded_packet))
        attachments = int(super().decode(encoded_packet) or 0)
        if attachments > _MAX_ATTACHMENTS:
            raise ValueError("too many attachments")
        return attachments

    def add_attachment(self, attachment: bytes | str) -> bool:
        """Keep a part; with the last one UnreadEvent, if a text came in place of a binary part."""
        without_parts = self.data
        is_complete = bool(super().add_attachment(attachment))
        if is_complete and any(isinstance(each, str) for each in self.attachments):
            raise UnreadEvent(InvalidRequest(_NOT_BINARY), _frame_id(json.dumps(without_parts)))
        return is_complete


class GuardedSocket(AsyncSocket):  # type: ignore[misc]
    """A connection that ends with the first unreadable POST, and counts reads.

    The library answers such a POST by 200, and the client never learns that its packets are lost.
    It also keeps a closed connection until its next ping is due.

    Attributes:
        reads: how often all waiting packets were taken to be sent.
        messages: how many messages it has sent.
    """

    reads: int = 0
    messages: int = 0
    _next_ping: asyncio.Task[None] | None = None

    def schedule_ping(self) -> None:
        """Ping after the interval, if the client has answered the ping before."""
        if self.last_ping:
            self.last_ping: float | None = None
            self._next_ping = self.server.start_background_task(self._send_ping)

    async def close(self, *args: Any, **options: Any) -> None:
        """Close, and do not wait for the next ping."""
        await super().close(*args, **options)
        pinging, self._next_ping = self._next_ping, None
        if pinging is not None and pinging is not asyncio.current_task():
            pinging.cancel()

    async def poll(self) -> list[Any]:
        """Take the waiting packets."""
        packets: list[Any] = await super().poll()
        self.reads += 1
        return packets

    async def handle_post_request(self, environ: dict[str, Any]) -> None:
        """Take the packets of a POST; EngineIOError, which is answered by 400, if it has none."""
        try:
            if "CONTENT_LENGTH" not in environ:
                raise ValueError("the library reads nothing of unknown length")
            await super().handle_post_request(environ)
        except Exception as error:
            # Only the type of the error, because its text contains what was sent.
            log.info(
                "closing a connection after a POST that cannot be read: %s", type(error).__name__
            )
            await self.end()
            # The library answers only listed connections.
            self.server.sockets[self.sid] = self
            raise EngineIOError from None

    async def end(self) -> None:
        """Close without waiting until everything was read."""
        await self.close(wait=False)
        # The library would wait for the client to close.
        self.queue.put_nowait(None)


class GuardedServer(socketio.AsyncServer):  # type: ignore[misc]
    """Ends connections that do not speak Socket.IO, and keeps nothing of those that end.

    The library logs a stack trace for every message it cannot read and keeps half-received binary
    messages of connections that are gone. Of connections whose client has not signed in it keeps
    the newest 256.

    Attributes:
        refuse_event: tells the client of a connection why its event was not read.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._not_signed_in: dict[str, dict[str, Any]] = {}
        self.refuse_event: Callable[[str, UnreadEvent], Awaitable[None]] | None = None

    def has_signed_in(self, eio_sid: str) -> bool:
        """Whether a token was accepted on this connection."""
        return eio_sid in self.environ and eio_sid not in self._not_signed_in

    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> None:
        # The library has no way to choose the class.
        self.eio.sockets[eio_sid].__class__ = GuardedSocket
        self._not_signed_in[eio_sid] = environ
        if len(self._not_signed_in) > _MAX_NOT_SIGNED_IN:
            oldest = next(iter(self._not_signed_in))
            _count(self._not_signed_in.pop(oldest), Refusal.TOO_MANY_NOT_SIGNED_IN)
            await self.close_connection(oldest)
        await super()._handle_eio_connect(eio_sid, environ)

    async def _handle_connect(self, eio_sid: str, namespace: str | None, data: Any) -> None:
        await super()._handle_connect(eio_sid, namespace, data)
        if self.manager.sid_from_eio_sid(eio_sid, namespace) is not None:
            self._not_signed_in.pop(eio_sid, None)
        if eio_sid not in self.environ:
            # It was closed while its token was checked, when there was no session to end yet.
            await self._handle_disconnect(eio_sid, namespace)

    async def _handle_eio_message(self, eio_sid: str, data: Any) -> None:
        if eio_sid not in self.environ:
            return  # Closed meanwhile; polling requests run side by side.
        if not await self._may_go_on(eio_sid):
            await self.close_connection(eio_sid)
            return
        try:
            await super()._handle_eio_message(eio_sid, data)
        except asyncio.CancelledError:
            raise
        except UnreadEvent as unread:
            self._binary_packet.pop(eio_sid, None)
            if self.refuse_event is None or not self.has_signed_in(eio_sid):
                await self.close_connection(eio_sid)
            else:
                await self.refuse_event(eio_sid, unread)
        except Exception as error:
            log.info(
                "closing a connection after a message that cannot be read: %s", type(error).__name__
            )
            await self.close_connection(eio_sid)

    async def _may_go_on(self, eio_sid: str) -> bool:
        """Whether a connection may send one more message.

        The library handles all messages that have arrived on a connection, a thousand in one POST,
        without returning to the event loop.
        """
        connection = self.eio.sockets.get(eio_sid)
        if connection is None:
            return False
        connection.messages += 1
        if connection.messages % _MESSAGES_A_TURN == 0:
            await asyncio.sleep(0)
        request = self._not_signed_in.get(eio_sid)
        if request is None or connection.messages <= _MAX_MESSAGES_BEFORE_SIGN_IN:
            return True
        _count(request, Refusal.TOO_MANY_FRAMES)
        return False

    async def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        self._binary_packet.pop(eio_sid, None)
        self._not_signed_in.pop(eio_sid, None)
        connection = self.eio.sockets.get(eio_sid)
        if connection is not None and reason == self.reason.CLIENT_DISCONNECT:
            # Ends a waiting long poll; otherwise it would wait until the next ping.
            connection.queue.put_nowait(None)
        await super()._handle_eio_disconnect(eio_sid, reason)
        # The library answers a POST to a closed connection that is still listed with a stack trace.
        self.eio.sockets.pop(eio_sid, None)

    async def send_event(self, eio_sid: str, namespace: str, event: str, payload: Struct) -> None:
        """Send an event to one connection of this process.

        ``emit`` would search the payload for binary parts, of which there are none, and make a task
        for every receiver.
        """
        packet = self.packet_class(
            socketio.packet.EVENT, data=[event, payload], namespace=namespace, binary=False
        )
        await self.eio.send(eio_sid, packet.encode())

    def waiting_packets(self, eio_sid: str) -> int:
        """How many messages have not gone out to a connection yet."""
        connection = self.eio.sockets.get(eio_sid)
        return 0 if connection is None else connection.queue.qsize()

    def is_clogged(self, eio_sid: str) -> bool:
        """Whether the client reads more slowly than it is written to."""
        return self.waiting_packets(eio_sid) > _CLOGGED_PACKETS

    def reads(self, eio_sid: str) -> int:
        """How often the client has read all waiting messages."""
        connection = self.eio.sockets.get(eio_sid)
        return 0 if connection is None else int(connection.reads)

    async def hang_up(self) -> None:
        """Close every connection like one that was lost, so that clients connect again.

        Waiting messages are sent for a moment; a client that does not read is not waited for.
        """
        # A closed connection does not answer a long poll with the waiting messages.
        with suppress(TimeoutError):
            async with asyncio.timeout(_FLUSH_S):
                await asyncio.gather(*(each.queue.join() for each in self.eio.sockets.values()))
        for eio_sid in list(self.eio.sockets):
            await self.close_connection(eio_sid)

    async def close_connection(self, eio_sid: str) -> None:
        """Close a connection without waiting until everything was read."""
        connection = self.eio.sockets.get(eio_sid)
        if connection is not None:
            await connection.end()


class ChannelManager(AsyncPubSubManager):  # type: ignore[misc]
    """The library's manager of clients, with a message channel between processes."""

    def __init__(self, channel: MessageChannel) -> None:
        super().__init__()
        self._channel = channel

    async def close(self) -> None:
        """Stop listening to other processes."""
        if self.server.manager_initialized:
            self.thread.cancel()
            await asyncio.gather(self.thread, return_exceptions=True)

    async def _publish(self, data: dict[str, Any]) -> None:
        self._channel.publish(encode(data).encode())

    async def _listen(self) -> AsyncIterator[bytes]:
        async for message in self._channel.listen():
            yield message


def make_server(
    *,
    cors_origins: Sequence[str],
    transports: list[str],
    manager: socketio.AsyncManager,
) -> GuardedServer:
    """Make the server; it has no namespace yet."""
    quiet = logging.getLogger("entrypoints.realtime.library")
    quiet.setLevel(logging.CRITICAL)
    # A client sends everything that accumulated during a POST at once; the library's 16 packets
    # would be eight frames.
    Payload.max_decode_packets = _MAX_PACKETS_PER_POST
    return GuardedServer(
        async_mode="asgi",
        # The events of a client one after the other, so that a flood waits in its socket.
        async_handlers=False,
        serializer=OnePacket,
        # By default the library accepts everybody in the namespace "/", with or without a token.
        namespaces="*",
        client_manager=manager,
        transports=transports,
        cors_allowed_origins=_allowed_origins(cors_origins),
        cors_credentials=True,
        max_http_buffer_size=MAX_MESSAGE_BYTES,
        ping_interval=PING_INTERVAL_S,
        ping_timeout=PING_TIMEOUT_S,
        logger=quiet,
        engineio_logger=quiet,
    )


def _count(request: dict[str, Any], reason: Refusal) -> None:
    """Count a refusal, unless another server runs this one."""
    connection = connection_of(request["asgi.scope"])
    if connection is not None:
        connection.refused(reason)


def _allowed_origins(listed: Sequence[str]) -> Callable[[str | None, dict[str, Any]], bool]:
    """Pages of the listed origins may connect, and pages of this service."""

    def is_allowed(origin: str | None, request: dict[str, Any]) -> bool:
        # Without a parser, which would raise for an origin that is not a URL.
        host = (origin or "").partition("://")[2]
        return origin in listed or host == request.get("HTTP_HOST")

    return is_allowed
