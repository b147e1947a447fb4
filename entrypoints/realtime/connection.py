"""The connection of one client, and sending to it."""

from __future__ import annotations

import asyncio

from msgspec import Struct

from application.ports.clock import Clock
from application.sessions.events import SessionEvent
from application.sessions.session import StreamSession
from domain.session import FrameResult
from entrypoints.realtime.server import GuardedServer
from entrypoints.wire.server_events import name_of, present

NAMESPACE = "/emotion-detection"
_MAX_WAITING = 64
_POLL_S = 0.02


class Connection:
    """A client that is connected; fulfils ``SessionListener`` for its session.

    Events are sent as fast as the client reads. The library queues without bound for a client that
    does not read. Here a session starts no frame while more than eight messages wait, and no more
    than 64 are queued.

    Attributes:
        sid: the client's id in the namespace.
        eio_sid: the id of its Engine.IO connection.
        session: of the client; set as soon as it is open.
        clogged_sweeps: checks in a row, one a second, between which the client has not read.
        reads_before: how often it had read at the last check.
    """

    session: StreamSession

    def __init__(self, server: GuardedServer, sid: str, eio_sid: str, clock: Clock) -> None:
        self.sid = sid
        self.eio_sid = eio_sid
        self.clogged_sweeps = 0
        self.reads_before = 0
        self._server = server
        self._clock = clock

    @property
    def is_clogged(self) -> bool:
        """Whether the client reads more slowly than it is written to."""
        return self._server.is_clogged(self.eio_sid)

    async def ready(self) -> None:
        """Wait until the client has read most of what it was sent."""
        while self.is_clogged:  # noqa: ASYNC110 (the library has no event for it)
            await asyncio.sleep(_POLL_S)

    async def send(self, event: SessionEvent) -> None:
        """Send an event of the session; a result also to those who watch it."""
        message = present(event, self.session.session_id, self._clock.now())
        await self.send_message(message)
        if isinstance(event, FrameResult):
            await self._server.manager.share(self.sid, name_of(message), message)

    async def send_message(self, message: Struct) -> None:
        """Queue an event of the wire; drop it if too many wait already."""
        has_room = self._server.waiting_packets(self.eio_sid) < _MAX_WAITING
        if has_room and self._server.manager.is_connected(self.sid, NAMESPACE):
            await self._server.send_event(self.eio_sid, NAMESPACE, name_of(message), message)

    async def disconnect(self) -> None:
        """Close the client's connection to the namespace."""
        await self._server.disconnect(self.sid, namespace=NAMESPACE)
