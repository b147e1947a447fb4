"""Users the service has seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.user import User


@dataclass(frozen=True, slots=True)
class AccountEnd:
    """When an account was last ended here.

    Attributes:
        sign_ins_ended_at: what was signed in until then is so no more.
        erased_at: everything made until then is gone, and what arrives late is dropped; None where
            the sign-ins alone were ended.
    """

    sign_ins_ended_at: datetime
    erased_at: datetime | None


class UserRepository(Protocol):
    """Keeps what the identity provider said of each user. May raise ``StoreUnavailable``."""

    async def put(self, user: User) -> None:
        """Keep a user, replacing what was known; the first ``created_at`` stays."""
        ...

    async def get(self, user_id: str) -> User | None:
        """The user, or None."""
        ...

    async def delete(self, user_id: str) -> bool:
        """Forget a user. Returns False when there was none."""
        ...

    async def end(self, user_id: str, at: datetime, *, erased: bool) -> None:
        """Note that the account was ended, also where no such user is known.

        Kept for more than a year, which is longer than any token stands, under a hash of the id:
        what was erased cannot be read from it.
        """
        ...

    async def end_of(self, user_id: str) -> AccountEnd | None:
        """When the account was last ended; None if it never was."""
        ...
