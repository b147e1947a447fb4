"""Session places that can be made to fail."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.in_memory.controllable import Controllable
from adapters.single_process import SingleProcessSessionPlaces
from application.ports.clock import Clock


class InMemorySessionPlaces(Controllable, SingleProcessSessionPlaces):
    """The places of one process, which tests can make fail or wait."""

    def __init__(self, clock: Clock) -> None:
        Controllable.__init__(self)
        SingleProcessSessionPlaces.__init__(self, clock)

    async def take(self, user_id: str, session_id: str, limit: int) -> bool:
        await self._wait_or_fail()
        return await super().take(user_id, session_id, limit)

    async def renew(self, sessions: Mapping[str, str]) -> None:
        await self._wait_or_fail()
        await super().renew(sessions)

    async def give_back(self, user_id: str, session_id: str) -> None:
        await self._wait_or_fail()
        await super().give_back(user_id, session_id)
