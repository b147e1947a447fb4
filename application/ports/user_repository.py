"""Users the service has seen."""

from __future__ import annotations

from typing import Protocol

from domain.user import User


class UserRepository(Protocol):
    """Keeps what the identity provider said of each user. May raise ``StoreUnavailable``."""

    async def put(self, user: User) -> None:
        """Keep a user, replacing what was known; the first ``created_at`` stays."""
        ...

    async def get(self, user_id: str) -> User | None:
        """The user, or None."""
        ...
