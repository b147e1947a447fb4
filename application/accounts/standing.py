"""Whether an account is still valid, here and at the identity provider."""

from __future__ import annotations

import logging
from collections import OrderedDict
from datetime import datetime

from application.errors import ServiceUnavailable
from application.ports.clock import Clock
from application.ports.identity_provider import IdentityProvider
from application.ports.refresh_token_repository import RefreshTokenRecord, RefreshTokenRepository
from application.ports.user_repository import UserRepository
from application.work.timeouts import CallerTimeout
from domain.errors import InvalidToken

log = logging.getLogger(__name__)

_MAX_REMEMBERED = 10_000


class AccountStanding:
    """Refuses the tokens of accounts that were ended.

    Args:
        identity: is asked whether an account is still valid.
        users: knows which accounts were ended here.
        refresh_tokens: are revoked when the provider has ended an account.
        clock: for how long ago the provider was asked.
        recheck_s: seconds for which this process relies on the provider's last answer.
        timeout_s: how long to wait for the provider's answer, in seconds.
    """

    def __init__(
        self,
        *,
        identity: IdentityProvider,
        users: UserRepository,
        refresh_tokens: RefreshTokenRepository,
        clock: Clock,
        recheck_s: float,
        timeout_s: float = 2.0,
    ) -> None:
        self._identity = identity
        self._users = users
        self._refresh_tokens = refresh_tokens
        self._clock = clock
        self._recheck_s = recheck_s
        self._timeout = CallerTimeout(timeout_s=timeout_s)
        self._answered_s: OrderedDict[str, float] = OrderedDict()

    async def check_issued(self, user_id: str, issued_at: datetime) -> None:
        """Check that the account was not ended after a token was issued.

        Raises:
            InvalidToken: the account was ended here after that moment.
            StoreUnavailable: the users cannot be read.
        """
        end = await self._users.end_of(user_id)
        if end is not None and issued_at <= end.sign_ins_ended_at:
            raise InvalidToken("the sign-ins of this account were ended; sign in again")

    def confirmed(self, user_id: str) -> None:
        """Note that the provider has just confirmed the account."""
        self._answered_s[user_id] = self._clock.monotonic()
        self._answered_s.move_to_end(user_id)
        if len(self._answered_s) > _MAX_REMEMBERED:
            self._answered_s.popitem(last=False)

    async def check_again(self, sign_in: RefreshTokenRecord) -> None:
        """Ask the provider whether the account is still valid, unless it was asked recently.

        While the provider does not answer, the account counts as valid.

        Raises:
            InvalidToken: the provider has ended the account or the sign-in; its tokens are revoked.
        """
        user_id, now_s = sign_in.user_id, self._clock.monotonic()
        answered_s = self._answered_s.get(user_id)
        if answered_s is not None and now_s - answered_s < self._recheck_s:
            return
        # Before the answer, so that simultaneous calls ask once.
        self.confirmed(user_id)
        try:
            await self._timeout.wait(self._ask(sign_in))
        except ServiceUnavailable as error:
            log.warning("a sign-in is renewed without the identity provider's answer: %s", error)

    async def _ask(self, sign_in: RefreshTokenRecord) -> None:
        user_id, is_valid = sign_in.user_id, False
        try:
            is_valid = await self._identity.may_stay_signed_in(user_id, sign_in.signed_in_at)
        finally:
            if not is_valid:
                self._answered_s.pop(user_id, None)
        if is_valid:
            return
        log.info("the identity provider has ended an account; its sign-ins are ended here as well")
        try:
            await self._users.end(user_id, self._clock.now(), erased=False)
            await self._refresh_tokens.revoke_user(user_id)
        except ServiceUnavailable as error:
            log.warning("the tokens of an ended account are not revoked yet: %s", error)
        raise InvalidToken("the account is not valid any more; sign in again")
