"""Rooms for watching results of the same user, across processes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from application.ports.message_channel import MessageChannel
from domain.errors import InvalidRequest
from entrypoints.realtime.connection import NAMESPACE
from entrypoints.realtime.server import ChannelManager

MAX_ROOMS = 8


class Rooms(ChannelManager):
    """The rooms of this process's clients, and the events sent to them from any process.

    A process sends an event to its own clients in a room and publishes it for the others to do the
    same. Only the process that a client is connected to knows which rooms it is in.
    """

    def __init__(self, channel: MessageChannel) -> None:
        super().__init__(channel)
        self._joined: dict[str, list[str]] = {}

    async def join(self, sid: str, user_id: str, room: str) -> None:
        """Let a connection take part in a room of its user.

        Raises:
            InvalidRequest: it is in 8 rooms already.
        """
        joined = self._joined.setdefault(sid, [])
        # As JSON, pairs are unambiguous and never equal to the id of a connection.
        name = json.dumps([user_id, room])
        if name in joined:
            return
        if len(joined) >= MAX_ROOMS:
            raise InvalidRequest(f"a session may join {MAX_ROOMS} rooms", field="room")
        joined.append(name)
        await self.enter_room(sid, NAMESPACE, name)

    async def share(self, sid: str, event: str, payload: Struct) -> None:
        """Send an event to the others in the rooms of a connection, once each."""
        if rooms := self._joined.get(sid):
            await self.emit(event, payload, namespace=NAMESPACE, room=rooms, skip_sid=sid)

    def forget(self, sid: str) -> None:
        """Remove a connection that is gone; the library has removed it from its rooms."""
        self._joined.pop(sid, None)

    def get_participants(self, namespace: str, room: Any) -> Iterator[tuple[str, str]]:
        """The receivers of an event; watchers who do not read are left out."""
        for sid, eio_sid in super().get_participants(namespace, room):
            if isinstance(room, str) or not self.server.is_clogged(eio_sid):
                yield sid, eio_sid
