"""An identity provider that knows whom it is told of."""

from __future__ import annotations

from datetime import UTC, datetime

from adapters.in_memory.switches import Switches
from domain.errors import InvalidToken
from domain.user import User


class InMemoryIdentityProvider(Switches):
    """Knows the users a test has enrolled."""

    def __init__(self) -> None:
        super().__init__()
        self._users: dict[str, User] = {}

    def enrol(self, email: str, *, user: User | None = None) -> str:
        """Make an account, the given one or a plain one, and return an ID token for it."""
        id_token = f"id-token-of-{email}"
        self._users[id_token] = user or User(
            user_id=f"user:{email}",
            email=email,
            display_name=email.partition("@")[0],
            photo_url=None,
            is_email_verified=True,
            providers=("in-memory",),
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
        return id_token

    def revoke(self, id_token: str) -> None:
        """Let the token stand no more."""
        self._users.pop(id_token, None)

    async def verify(self, id_token: str) -> User:
        """Tell whose ID token this is."""
        await self._obey()
        user = self._users.get(id_token)
        if user is None:
            raise InvalidToken("the ID token is not valid")
        return user

    async def check(self) -> None:
        """Fails when told to."""
        await self._obey()
