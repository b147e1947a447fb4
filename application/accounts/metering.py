"""Counting what callers use, and refusing guests who have used up their quota."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from application.errors import ServiceUnavailable, StoreUnavailable
from application.ports.clock import Clock
from application.ports.usage_ledger import UsageCount, UsageLedger
from application.work.cancellation import uninterrupted
from application.work.timeouts import CallerTimeout
from domain.errors import ImageTooCostly, InvalidImage, QuotaExceeded
from domain.user import Caller, Guest, GuestQuota, Usage
from domain.wording import duration_in_words

log = logging.getLogger(__name__)


# Errors of an image that are found without decoding it.
_SEEN_AT_ONCE = frozenset({"empty", "unsupported"})


@dataclass(frozen=True, slots=True)
class _Allowance:
    """The remaining uses of one limit.

    Attributes:
        limit: uses in a window.
        left: remaining uses.
        resets_at: when the window ends; None before the first use.
        is_shared: whether it is the limit of a network address.
    """

    limit: int
    left: int
    resets_at: datetime | None
    is_shared: bool


class Charge:
    """One use that is counted while its work goes on."""

    def __init__(self) -> None:
        self.has_begun = False

    def begin(self) -> None:
        """Note that the work begins: from here on it is charged even if its caller disconnects."""
        self.has_begun = True


class UsageMeter:
    """Charges each detection to its caller, except failures that are not the caller's fault.

    Args:
        ledger: keeps the counts.
        clock: for the time of a use.
        quota: what guests may use.
        guests_timeout_s: how long the counting of a guest may take, in seconds.
    """

    def __init__(
        self,
        *,
        ledger: UsageLedger,
        clock: Clock,
        quota: GuestQuota,
        guests_timeout_s: float = 5.0,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._quota = quota
        self._guests_timeout_s = guests_timeout_s
        self._timeout = CallerTimeout()
        self._refund_timeout = CallerTimeout()

    async def check(self, caller: Caller) -> None:
        """Check whether a caller has a use left, without counting one.

        Raises:
            QuotaExceeded: the guest, or the guest's address, has none left.
            StoreUnavailable: the ledger is down, and the caller a guest.
        """
        if isinstance(caller, Guest):
            allowance = self._allowance(caller, await self._counters(caller))
            if allowance.left < 1:
                raise self._quota_exceeded(allowance)

    @asynccontextmanager
    async def charge(self, caller: Caller) -> AsyncIterator[Charge]:
        """Count one use for the length of the block, and take it back if the block fails.

        It stays counted where work was done and the caller is at fault: the image is bad, or the
        client disconnected during the work. Counting comes first, so that simultaneous requests
        cannot pass the limit together. Users have no limit: while the ledger is slow they are
        counted later, and while it is down they are not counted.

        Raises:
            QuotaExceeded: a guest, or the guest's address, has no use left in this window.
            StoreUnavailable: the ledger is down or does not answer, and the caller a guest.
        """
        limits = self._limits(caller)
        window_s = self._quota.window_s if isinstance(caller, Guest) else None
        charge = Charge()
        counting = asyncio.ensure_future(self._ledger.consume(limits, self._clock.now(), window_s))
        try:
            if not isinstance(caller, Guest):
                await self._wait_for_user_count(counting)
            elif await self._wait_for_guest_count(counting) is not None:
                raise self._quota_exceeded(self._allowance(caller, await self._counters(caller)))
            yield charge
        except BaseException as error:
            if not _is_charged(error, charge):
                # A client that disconnects cancels the block, even while the use is being counted.
                await uninterrupted(self._refund_in_time(counting, list(limits)))
            raise

    async def usage(self, caller: Caller) -> Usage:
        """The usage of the caller; for a guest, by the limit that binds now."""
        counters = await self._counters(caller)
        own = counters[caller.user_id]
        if not isinstance(caller, Guest):
            return Usage(count=own.count, last_used=own.last_used)
        allowance = self._allowance(caller, counters)
        return Usage(
            count=allowance.limit - allowance.left,
            limit=allowance.limit,
            remaining=allowance.left,
            resets_at=allowance.resets_at,
            last_used=own.last_used,
        )

    def _limits(self, caller: Caller) -> dict[str, int | None]:
        if isinstance(caller, Guest):
            return {
                caller.user_id: self._quota.per_guest,
                caller.network: self._quota.per_address,
            }
        return {caller.user_id: None}

    async def _counters(self, caller: Caller) -> dict[str, UsageCount]:
        """Every counter that counts this caller's uses, each read once."""
        now, subjects = self._clock.now(), list(self._limits(caller))
        counts = await asyncio.gather(*(self._ledger.read(subject, now) for subject in subjects))
        return dict(zip(subjects, counts, strict=True))

    def _allowance(self, guest: Guest, counters: Mapping[str, UsageCount]) -> _Allowance:
        """The limit that binds: the guest's own, unless the address has fewer uses left.

        If both are equal, the one that ends later binds.
        """
        found = []
        for subject, limit in self._limits(guest).items():
            counter = counters[subject]
            allowed = limit or 0
            left = max(allowed - counter.count, 0)
            shared = subject != guest.user_id
            found.append(_Allowance(allowed, left, counter.window_ends_at, shared))
        binding = min(found, key=lambda each: each.left)
        ends = [each.resets_at for each in found if each.left == binding.left and each.resets_at]
        return replace(binding, resets_at=max(ends, default=None))

    def _quota_exceeded(self, allowance: _Allowance) -> QuotaExceeded:
        if allowance.limit == 0:
            return QuotaExceeded(
                "guests are not served here; sign in first",
                retry_after_s=self._quota.window_s,
                limit=0,
            )
        now = self._clock.now()
        wait_s = max(math.ceil(((allowance.resets_at or now) - now).total_seconds()), 1)
        who = "all guests at your network address together" if allowance.is_shared else "guests"
        images = "image" if allowance.limit == 1 else "images"
        window = duration_in_words(self._quota.window_s)
        return QuotaExceeded(
            f"{who} may analyse {allowance.limit} {images} in {window}; "
            f"sign in to go on, or come back in {duration_in_words(wait_s)}",
            retry_after_s=wait_s,
            limit=allowance.limit,
        )

    async def _wait_for_guest_count(self, counting: asyncio.Future[str | None]) -> str | None:
        await asyncio.wait([counting], timeout=self._guests_timeout_s)
        if not counting.done():
            raise StoreUnavailable("guests cannot be counted now")
        return counting.result()

    async def _wait_for_user_count(self, counting: Awaitable[str | None]) -> None:
        try:
            await self._timeout.wait(counting)
        except ServiceUnavailable as error:
            log.warning("a use is counted later: %s", error)

    async def _refund_in_time(self, counting: Awaitable[str | None], subjects: list[str]) -> None:
        try:
            await self._refund_timeout.wait(self._refund(counting, subjects))
        except ServiceUnavailable as error:
            log.warning("a use is taken back later: %s", error)

    async def _refund(self, counting: Awaitable[str | None], subjects: list[str]) -> None:
        try:
            if await counting is None:
                await self._ledger.refund(subjects)
        except ServiceUnavailable as error:
            # The caller needs the error of the block, not the failed refund.
            log.warning("a use that failed may stay counted: %s", error)


def _is_charged(error: BaseException, charge: Charge) -> bool:
    """Whether work was done on an image before the caller's own fault ended it."""
    if isinstance(error, asyncio.CancelledError):
        return charge.has_begun
    if isinstance(error, InvalidImage):
        return error.details.get("reason") not in _SEEN_AT_ONCE
    return isinstance(error, ImageTooCostly)
