"""The namespace ``/emotion-detection``: translates, and decides nothing."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, assert_never

import socketio

from application.accounts.credentials import Credential
from application.errors import ServiceUnavailable
from application.ports.clock import Clock
from application.sessions.sessions import StreamSessions
from application.use_cases.accounts import Authenticate
from domain.errors import DomainError, InvalidRequest, InvalidToken
from entrypoints.realtime.connection import NAMESPACE, Connection
from entrypoints.realtime.other_clients import connection_refused
from entrypoints.realtime.rooms import Rooms
from entrypoints.realtime.server import GuardedServer, UnreadEvent
from entrypoints.wire import client_events, server_events

log = logging.getLogger(__name__)

Data = tuple[object, ...]


class EmotionDetectionNamespace(socketio.AsyncNamespace):  # type: ignore[misc]
    """Connects clients, passes their events to their sessions, and answers each event."""

    server: GuardedServer

    def __init__(
        self,
        *,
        server: GuardedServer,
        rooms: Rooms,
        authenticate: Authenticate,
        sessions: StreamSessions,
        clock: Clock,
    ) -> None:
        super().__init__(NAMESPACE)
        self.server = server
        self.connections: dict[str, Connection] = {}
        self._authenticate = authenticate
        self._sessions = sessions
        self._clock = clock
        self._rooms = rooms
        server.refuse_event = self._refuse_event
        self._handlers = {
            "initialize": self._initialize,
            "control": self._control,
            "video_frame": self._video_frame,
            "join_room": self._join_room,
            "ping": self._ping,
        }

    async def trigger_event(self, event: object, *args: Any) -> None:
        """Handle any event, of the library or of a client.

        A client may send events named ``connect`` and ``disconnect``; they are answered like any
        other unknown event.
        """
        sid: str = args[0]
        if event == "connect" and args[1:] and args[1] is self._environ(sid):
            await self._connect(sid, args[2] if len(args) > 2 else None)
        elif event == "disconnect" and not self.server.manager.is_connected(sid, NAMESPACE):
            await self.forget(sid)
        elif (connection := self.connections.get(sid)) is not None:
            await self._handle(connection, event, args[1:])

    async def forget(self, sid: str) -> None:
        """End the session of a client that has disconnected."""
        self._rooms.forget(sid)
        connection = self.connections.pop(sid, None)
        if connection is not None:
            await self._sessions.close(connection.session)

    async def answer(
        self, connection: Connection, error: Exception, frame_id: int | None = None
    ) -> None:
        """Send an error message to a client."""
        event = server_events.present_error(error, self._clock.now(), frame_id=frame_id)
        await connection.send_message(event)

    async def _refuse_event(self, eio_sid: str, unread: UnreadEvent) -> None:
        connection = self.connections.get(
            str(self.server.manager.sid_from_eio_sid(eio_sid, NAMESPACE))
        )
        if connection is not None:
            await self.answer(connection, unread.problem, unread.frame_id)

    async def _connect(self, sid: str, auth: object) -> None:
        token = client_events.read_token(auth)
        try:
            if token is None:
                raise InvalidToken('connect with auth: {"token": "<access or ID token>"}')
            found = await self._authenticate.execute(token)
            eio_sid = str(self.server.manager.eio_sid_from_sid(sid, NAMESPACE))
            connection = Connection(self.server, sid, eio_sid, self._clock)
            credential = Credential(token, found.expires_at)
            connection.session = await self._sessions.open(found.user, connection, credential)
        except Exception as error:
            _log_unexpected(error)
            raise connection_refused(error) from error
        self.connections[sid] = connection

    async def _handle(self, connection: Connection, event: object, data: Data) -> None:
        try:
            if not isinstance(event, str) or event not in client_events.CLIENT_EVENTS:
                raise InvalidRequest("there is no such event", field=str(event)[:60])
            await self._handlers[event](connection, data)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            _log_unexpected(error)
            frame_id = client_events.read_frame_id(data) if event == "video_frame" else None
            await self.answer(connection, error, frame_id)

    async def _initialize(self, connection: Connection, data: Data) -> None:
        await connection.session.initialize(client_events.read_initialize(data))

    async def _control(self, connection: Connection, data: Data) -> None:
        action, change = client_events.read_control(data)
        session = connection.session
        match action:
            case "start":
                await session.start(change)
            case "configure":
                await session.configure(change)
            case "stop":
                await session.stop(change)
            case _:
                assert_never(action)

    async def _video_frame(self, connection: Connection, data: Data) -> None:
        connection.session.offer(client_events.read_frame(data, self._clock.monotonic()))

    async def _join_room(self, connection: Connection, data: Data) -> None:
        room = client_events.read_room(data)
        await self._rooms.join(connection.sid, connection.session.user.user_id, room)
        joined = server_events.Status(message=f"joined {room}", timestamp=self._now())
        await connection.send_message(joined)

    async def _ping(self, connection: Connection, data: Data) -> None:
        pong = server_events.Pong(timestamp=self._now())
        await connection.send_message(pong)

    def _environ(self, sid: str) -> object:
        try:
            return self.server.get_environ(sid, NAMESPACE)
        except KeyError:
            return None

    def _now(self) -> float:
        return self._clock.now().timestamp()


def _log_unexpected(error: Exception) -> None:
    if not isinstance(error, DomainError | ServiceUnavailable):
        log.error("unexpected error", exc_info=error)
