"""Ending accounts, as the operator does it: all sign-ins of a user, or everything of theirs."""

from __future__ import annotations

from dataclasses import dataclass

from application.ports.clock import Clock
from application.ports.refresh_token_repository import RefreshTokenRepository
from application.ports.usage_ledger import UsageLedger
from application.ports.user_repository import UserRepository
from application.use_cases.history import DeleteHistory
from domain.user import User


@dataclass(frozen=True, slots=True)
class EndedAccount:
    """What there was of an account.

    Attributes:
        was_known: whether anything was.
        sign_ins: that stood.
        records: erased from the history; 0 where the sign-ins alone were ended.
    """

    was_known: bool
    sign_ins: int
    records: int = 0


class RevokeAccount:
    """Ends every sign-in of a user: refresh and access tokens, and with them live sessions."""

    def __init__(
        self, *, users: UserRepository, refresh_tokens: RefreshTokenRepository, clock: Clock
    ) -> None:
        self._users = users
        self._refresh_tokens = refresh_tokens
        self._clock = clock

    async def execute(self, user_id: str) -> EndedAccount:
        """Let no token stand that was issued until now; the user may sign in anew.

        Raises:
            StoreUnavailable: a store does not answer; repeating it is harmless.
        """
        await self._users.end(user_id, self._clock.now(), erased=False)
        sign_ins = await self._refresh_tokens.revoke_user(user_id)
        return EndedAccount(sign_ins > 0 or await self._users.get(user_id) is not None, sign_ins)


class EraseAccount:
    """Erases everything of a user, on every store, and ends every sign-in."""

    def __init__(
        self,
        *,
        users: UserRepository,
        refresh_tokens: RefreshTokenRepository,
        ledger: UsageLedger,
        delete_history: DeleteHistory,
        clock: Clock,
    ) -> None:
        self._users = users
        self._refresh_tokens = refresh_tokens
        self._ledger = ledger
        self._delete_history = delete_history
        self._clock = clock

    async def execute(self, user_id: str) -> EndedAccount:
        """Erase history, images, tokens, counts and profile.

        The account is ended first, so that nothing new comes in, and what a process of the service
        still has on its way to a store is dropped there.

        Raises:
            StoreUnavailable: a store does not answer; what is left is erased by repeating it.
        """
        await self._users.end(user_id, self._clock.now(), erased=True)
        sign_ins = await self._refresh_tokens.revoke_user(user_id)
        await self._refresh_tokens.delete_user(user_id)
        await self._ledger.forget(user_id)
        was_user = await self._users.delete(user_id)
        # Last, because it also wipes what the others have deleted from the disk.
        records = await self._delete_history.execute(User.known_by_id_alone(user_id))
        return EndedAccount(was_user or sign_ins > 0 or records > 0, sign_ins, records)
