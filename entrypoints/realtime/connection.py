"""The connection of one client, and sending to it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from msgspec import Struct

from application.ports.clock import Clock
from application.sessions.events import StreamEvent
from application.sessions.session import StreamSession
from domain.stream import FrameResult
from domain.user import User
from entrypoints.realtime.server import GuardedServer
from entrypoints.wire.server_events import name_of, present

NAMESPACE = "/emotion-detection"
_MAX_WAITING = 64
_POLL_S = 0.02


class Outbox:
    """Sends events to one client, as fast as it reads.

    The library queues without bound for a client that does not read. Here a session starts no
    frame while eight messages wait, and no more than 64 are queued.
    """

    def __init__(self, server: GuardedServer, sid: str, eio_sid: str) -> None:
        self.sid = sid
        self.eio_sid = eio_sid
        self._server = server

    @property
    def is_clogged(self) -> bool:
        """Whether the client reads more slowly than it is written to."""
        return self._server.is_clogged(self.eio_sid)

    @property
    def reads(self) -> int:
        """How often the client has read the waiting messages."""
        return self._server.reads(self.eio_sid)

    async def room(self) -> None:
        """Wait until the client has read most of what it was sent."""
        while self.is_clogged:  # noqa: ASYNC110 (the library has no event for it)
            await asyncio.sleep(_POLL_S)

    async def send(self, event: Struct) -> None:
        """Queue an event; drop it if too many wait already."""
        has_room = self._server.waiting_packets(self.eio_sid) < _MAX_WAITING
        if has_room and self._server.manager.is_connected(self.sid, NAMESPACE):
            await self._server.send_event(self.eio_sid, NAMESPACE, name_of(event), event)

    async def disconnect(self) -> None:
        """Close the client's connection to the namespace."""
        await self._server.disconnect(self.sid, namespace=NAMESPACE)

    async def share(self, event: Struct) -> None:
        """Send an event to the watchers of the client's session."""
        await self._server.manager.share(self.sid, name_of(event), event)


class SessionListener:
    """Sends the events of a session to its client, and results also to those who watch it."""

    def __init__(self, outbox: Outbox, clock: Clock) -> None:
        self._outbox = outbox
        self._clock = clock
        self.session_id: str | None = None

    async def ready(self) -> None:
        """Wait until the client has read most of what it was sent."""
        await self._outbox.room()

    async def send(self, event: StreamEvent) -> None:
        """Send an event on."""
        if self.session_id is None:
            return
        message = present(event, self.session_id, self._clock.now())
        await self._outbox.send(message)
        if isinstance(event, FrameResult):
            await self._outbox.share(message)

    async def disconnect(self) -> None:
        """Close the client's connection to the namespace."""
        await self._outbox.disconnect()


@dataclass(slots=True)
class Connection:
    """A client that is connected.

    Attributes:
        user: of the client.
        session: of the client.
        outbox: for sending to it.
        clogged_sweeps: seconds for which it has not read.
        reads: how often it had read at the last check.
    """

    user: User
    session: StreamSession
    outbox: Outbox
    clogged_sweeps: int = 0
    reads: int = 0
