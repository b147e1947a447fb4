"""An identity provider with the users that a test enrols."""

from __future__ import annotations

from datetime import UTC, datetime

from adapters.in_memory.controllable import Controllable
from domain.errors import InvalidToken
from domain.user import User

_ISSUED_AT = datetime(2026, 1, 1, 12, tzinfo=UTC)


class InMemoryIdentityProvider(Controllable):
    """Knows the users that a test has enrolled.

    Attributes:
        asked: how often it was asked whether an account is still valid.
    """

    def __init__(self) -> None:
        super().__init__()
        self._users: dict[str, User] = {}
        self._issued: dict[str, datetime] = {}
        self._disabled: set[str] = set()
        self._revoked: dict[str, datetime] = {}
        self.asked = 0

    def enrol(
        self, email: str, *, user: User | None = None, issued_at: datetime = _ISSUED_AT
    ) -> str:
        """Make an account, the given one or a plain one, and return an ID token for it."""
        id_token = f"id-token-of-{email}"
        self._issued[id_token] = issued_at
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
        """Make the token invalid."""
        self._users.pop(id_token, None)

    def disable(self, user_id: str) -> None:
        """Disable the account."""
        self._disabled.add(user_id)

    def revoke_sign_ins(self, user_id: str, at: datetime) -> None:
        """Revoke every sign-in from before this moment."""
        self._revoked[user_id] = at

    async def verify(self, id_token: str) -> User:
        await self._wait_or_fail()
        user = self._users.get(id_token)
        if user is None or user.user_id in self._disabled:
            raise InvalidToken("the ID token is not valid")
        return user

    def issued_at(self, id_token: str) -> datetime:
        """When the account was enrolled."""
        return self._issued[id_token]

    async def may_stay_signed_in(self, user_id: str, signed_in_at: datetime | None) -> bool:
        self.asked += 1
        await self._wait_or_fail()
        revoked_at = self._revoked.get(user_id)
        revoked = revoked_at is not None and signed_in_at is not None and signed_in_at < revoked_at
        return not revoked and user_id not in self._disabled

    async def check(self) -> None:
        await self._wait_or_fail()
