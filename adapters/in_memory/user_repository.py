"""Users in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from adapters.in_memory.controllable import Controllable
from application.ports.user_repository import AccountEnd
from domain.user import User


class InMemoryUserRepository(Controllable):
    """Keeps users in a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self._users: dict[str, User] = {}
        self._ends: dict[str, AccountEnd] = {}

    async def put(self, user: User) -> None:
        await self._wait_or_fail()
        known = self._users.get(user.user_id, user)
        self._users[user.user_id] = replace(user, created_at=known.created_at)

    async def get(self, user_id: str) -> User | None:
        await self._wait_or_fail()
        return self._users.get(user_id)

    async def delete(self, user_id: str) -> bool:
        await self._wait_or_fail()
        return self._users.pop(user_id, None) is not None

    async def end(self, user_id: str, at: datetime, *, erased: bool) -> None:
        await self._wait_or_fail()
        known = self._ends.get(user_id)
        erased_at = at if erased else known.erased_at if known else None
        self._ends[user_id] = AccountEnd(at, erased_at)

    async def end_of(self, user_id: str) -> AccountEnd | None:
        await self._wait_or_fail()
        return self._ends.get(user_id)
