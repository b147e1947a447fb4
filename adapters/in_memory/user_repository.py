"""Users, until the process ends."""

from __future__ import annotations

from dataclasses import replace

from adapters.in_memory.switches import Switches
from domain.user import User


class InMemoryUserRepository(Switches):
    """Keeps users in a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self._users: dict[str, User] = {}

    async def put(self, user: User) -> None:
        """Keep a user; the first ``created_at`` stays."""
        await self._obey()
        known = self._users.get(user.user_id, user)
        self._users[user.user_id] = replace(user, created_at=known.created_at)

    async def get(self, user_id: str) -> User | None:
        """The user, or None."""
        await self._obey()
        return self._users.get(user_id)
