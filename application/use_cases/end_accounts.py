"""Ending accounts, for the operator: all sign-ins of a user, or all data of a user."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from application.errors import StoreUnavailable
from application.ports.clock import Clock
from application.ports.refresh_token_repository import RefreshTokenRepository
from application.ports.usage_ledger import UsageLedger
from application.ports.user_repository import UserRepository
from application.use_cases.history import EraseHistory
from domain.user import User

_RETRY_AFTER_S = (1, 2, 4, 8, 15, *19 * (30,))
"""Ten minutes in all."""

_Erased = TypeVar("_Erased")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EndedAccount:
    """What was ended and erased.

    Attributes:
        was_known: whether the account existed.
        sign_ins: how many ended.
        records: erased from the history; 0 if the sign-ins alone were ended.
    """

    was_known: bool
    sign_ins: int
    records: int = 0


class EndAccount:
    """Ends every sign-in of a user, and erases all data if that is wanted."""

    def __init__(
        self,
        *,
        users: UserRepository,
        refresh_tokens: RefreshTokenRepository,
        ledger: UsageLedger,
        erase_history: EraseHistory,
        clock: Clock,
    ) -> None:
        self._users = users
        self._refresh_tokens = refresh_tokens
        self._ledger = ledger
        self._erase_history = erase_history
        self._clock = clock

    async def revoke(self, user_id: str) -> EndedAccount:
        """Make every token issued until now invalid, and with them live sessions; the user may sign
        in again.

        Raises:
            StoreUnavailable: a store does not answer; the call can be repeated.
        """
        await self._users.end(user_id, self._clock.now(), erased=False)
        sign_ins = await self._refresh_tokens.revoke_user(user_id)
        return EndedAccount(sign_ins > 0 or await self._users.get(user_id) is not None, sign_ins)

    async def erase(self, user_id: str) -> EndedAccount:
        """Erase history, images, tokens, counts and profile.

        The account is ended first, so that nothing new is accepted, and what a process is still
        storing is dropped. When a store fails, its part is tried again for ten minutes; the records
        returned are those of the last attempt.

        Raises:
            StoreUnavailable: a store does not answer; repeat the call to erase the rest.
        """
        now, user = self._clock.now(), User.known_by_id_alone(user_id)
        await self._users.end(user_id, now, erased=True)
        sign_ins = await self._until_done(partial(self._refresh_tokens.revoke_user, user_id))
        await self._until_done(partial(self._refresh_tokens.delete_user, user_id))
        await self._until_done(partial(self._ledger.forget, user_id))
        was_user = await self._until_done(partial(self._users.delete, user_id))
        # Last, because it also wipes from the disk what the others have deleted.
        records = await self._until_done(partial(self._erase_history.everything, user))
        return EndedAccount(was_user or sign_ins > 0 or records > 0, sign_ins, records)

    async def _until_done(self, erase: Callable[[], Awaitable[_Erased]]) -> _Erased:
        for wait_s in _RETRY_AFTER_S:
            try:
                return await erase()
            except StoreUnavailable as error:
                log.warning("not everything is erased yet: %s; trying again in %d s", error, wait_s)
            await self._clock.sleep(wait_s)
        return await erase()
