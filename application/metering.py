"""Counting what callers use, and refusing guests who used up theirs."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from application.cancellation import uninterrupted
from application.errors import ServiceUnavailable
from application.patience import Patience
from application.ports.clock import Clock
from application.ports.usage_ledger import UsageLedger
from domain.errors import QuotaExceeded
from domain.user import Caller, Guest, GuestQuota, Usage

log = logging.getLogger(__name__)


class UsageMeter:
    """Charges each detection to its caller; one that fails costs nothing."""

    def __init__(self, ledger: UsageLedger, clock: Clock, quota: GuestQuota) -> None:
        self._ledger = ledger
        self._clock = clock
        self._quota = quota
        self._patience = Patience()

    @asynccontextmanager
    async def charge(self, caller: Caller) -> AsyncIterator[None]:
        """Count one use for the length of the block, and take it back if the block raises.

        Counting comes first, so that requests sent at once cannot slip past the limit together.
        Nothing of a user's is limited by the count: while the ledger is slow they go on and are
        counted later, while it is down they go on uncounted.

        Raises:
            QuotaExceeded: a guest, or the guest's address, has no use left in this window.
            StoreUnavailable: the ledger is down, and the caller a guest.
        """
        limits = self._limits(caller)
        window_s = self._quota.window_s if isinstance(caller, Guest) else None
        counting = asyncio.ensure_future(self._ledger.consume(limits, self._clock.now(), window_s))
        try:
            exhausted = None
            if isinstance(caller, Guest):
                exhausted = await asyncio.shield(counting)
            else:
                await self._count_patiently(counting)
            if exhausted is not None:
                raise await self._refusal(limits, exhausted)
            yield
        except BaseException:
            # A client that hangs up cancels the block, even while the use is being counted.
            await uninterrupted(self._take_back(counting, list(limits)))
            raise

    async def _count_patiently(self, counting: Awaitable[str | None]) -> None:
        try:
            await self._patience.wait(counting)
        except ServiceUnavailable as error:
            log.warning("nobody waits until a use is counted: %s", error)

    async def usage(self, caller: Caller) -> Usage:
        """What the caller has used and may still use."""
        now = self._clock.now()
        own = await self._ledger.read(caller.user_id, now)
        if not isinstance(caller, Guest):
            return Usage(count=own.count, last_used=own.last_used)
        remaining, resets_at = await self._allowance(self._limits(caller), now)
        return Usage(
            count=own.count,
            limit=self._quota.per_guest,
            remaining=remaining,
            resets_at=resets_at,
            last_used=own.last_used,
        )

    def _limits(self, caller: Caller) -> dict[str, int | None]:
        if isinstance(caller, Guest):
            return {
                caller.user_id: self._quota.per_guest,
                _address_subject(caller.address): self._quota.per_address,
            }
        return {caller.user_id: None}

    async def _allowance(
        self, limits: dict[str, int | None], now: datetime
    ) -> tuple[int, datetime | None]:
        """Uses that every limit allows, and when the tightest one (the last of several) resets."""
        found = []
        for subject, limit in limits.items():
            counter = await self._ledger.read(subject, now)
            left = max((limit or 0) - counter.count, 0)
            found.append((left, counter.window_ends_at))
        remaining = min(left for left, _ in found)
        ends = [end for left, end in found if left == remaining and end is not None]
        return remaining, max(ends, default=None)

    async def _refusal(self, limits: dict[str, int | None], exhausted: str) -> QuotaExceeded:
        if 0 in limits.values():
            return QuotaExceeded(
                "guests are not served here; sign in to go on",
                retry_after_s=self._quota.window_s,
                limit=0,
            )
        now = self._clock.now()
        _, resets_at = await self._allowance(limits, now)
        wait_s = math.ceil(((resets_at or now) - now).total_seconds())
        limit = limits[exhausted] or 0
        return QuotaExceeded(
            f"guests may analyse {limit} images in {self._quota.window_s} seconds; "
            "sign in to go on, or come back later",
            retry_after_s=max(wait_s, 1),
            limit=limit,
        )

    async def _take_back(self, counting: Awaitable[str | None], subjects: list[str]) -> None:
        try:
            if await counting is None:
                await self._ledger.refund(subjects)
        except ServiceUnavailable as error:
            # What stopped the block matters more to the caller than a use that stays counted.
            log.warning("a use that came to nothing may stay counted: %s", error)


def _address_subject(address: str) -> str:
    """Who shares an address: one IPv4 host, or the /64 network an IPv6 host picks its own from."""
    try:
        host: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return f"address:{address}"
    if isinstance(host, IPv6Address):
        if host.ipv4_mapped is None:
            return f"address:{IPv6Network((int(host), 64), strict=False)}"
        host = host.ipv4_mapped
    return f"address:{host}"
