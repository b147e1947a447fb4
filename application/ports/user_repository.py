"""Users who have signed in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.user import User


@dataclass(frozen=True, slots=True)
class AccountEnd:
    """When an account was last ended here.

    Attributes:
        sign_ins_ended_at: sign-ins from before are not valid any more.
        erased_at: everything from before is erased, and what arrives late is dropped; None if
            only the sign-ins were ended.
    """

    sign_ins_ended_at: datetime
    erased_at: datetime | None


class UserRepository(Protocol):
    """Keeps the profiles of users. May raise ``StoreUnavailable``."""

    async def put(self, user: User) -> None:
        """Keep a user, replacing an earlier profile; the first ``created_at`` stays."""
        ...

    async def get(self, user_id: str) -> User | None:
        """The user, or None."""
        ...

    async def delete(self, user_id: str) -> bool:
        """Delete a user. Returns False when there was none."""
        ...

    async def end(self, user_id: str, at: datetime, *, erased: bool) -> None:
        """Note that the account was ended, even if the user is unknown.

        Kept for more than a year, which is longer than any token is valid, under a hash of the id,
        so that it does not show who was erased.
        """
        ...

    async def end_of(self, user_id: str) -> AccountEnd | None:
        """When the account was last ended; None if it never was."""
        ...
