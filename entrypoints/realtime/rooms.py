"""Rooms for watching results: never across users, but across processes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

from msgspec import Struct
from socketio.async_pubsub_manager import AsyncPubSubManager

from application.ports.message_channel import MessageChannel
from domain.errors import InvalidRequest
from entrypoints.realtime.connection import NAMESPACE
from entrypoints.wire.server_events import encode

MAX_ROOMS = 8


class Rooms(AsyncPubSubManager):  # type: ignore[misc]
    """The library's own manager of clients, whose rooms reach as far as a message channel does.

    Every process hands what is said in a room to its own clients and publishes it for those of the
    others. Who is in a room is known only to the process that the client is connected to.
    """

    def __init__(self, channel: MessageChannel) -> None:
        super().__init__()
        self._channel = channel
        self._joined: dict[str, list[str]] = {}

    async def join(self, sid: str, user_id: str, room: str) -> None:
        """Let a connection take part in a room of its user.

        Raises:
            InvalidRequest: it is in 8 rooms already.
        """
        joined = self._joined.setdefault(sid, [])
        # As JSON the two cannot be taken for one another, nor for the id of a connection.
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
        """Forget a connection that is gone; the library has taken it out of its rooms."""
        self._joined.pop(sid, None)

    async def close(self) -> None:
        """Listen to other processes no more."""
        if self.server.manager_initialized:
            self.thread.cancel()
            await asyncio.gather(self.thread, return_exceptions=True)

    def get_participants(self, namespace: str, room: Any) -> Iterator[tuple[str, str]]:
        """The receivers of an event; watchers who do not read are left out."""
        for sid, eio_sid in super().get_participants(namespace, room):
            if isinstance(room, str) or not self.server.is_clogged(eio_sid):
                yield sid, eio_sid

    async def _publish(self, data: dict[str, Any]) -> None:
        self._channel.publish(encode(data).encode())

    async def _listen(self) -> AsyncIterator[bytes]:
        async for message in self._channel.listen():
            yield message
