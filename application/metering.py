"""Counting what callers use, and refusing guests who used up theirs."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from application.ports.clock import Clock
from application.ports.usage_ledger import UsageLedger
from domain.errors import QuotaExceeded
from domain.user import Caller, Guest, GuestQuota, Usage


class UsageMeter:
    """Charges each detection to its caller; one that fails costs nothing."""

    def __init__(self, ledger: UsageLedger, clock: Clock, quota: GuestQuota) -> None:
        self._ledger = ledger
        self._clock = clock
        self._quota = quota

    @asynccontextmanager
    async def charge(self, caller: Caller) -> AsyncIterator[None]:
        """Count one use for the length of the block, and take it back if the block raises.

        Counting comes first, so that requests sent at once cannot slip past the limit together.

        Raises:
            QuotaExceeded: a guest, or the guest's address, has no use left in this window.
        """
        limits = self._limits(caller)
        window_s = self._quota.window_s if isinstance(caller, Guest) else None
        exhausted = await self._ledger.consume(limits, self._clock.now(), window_s)
        if exhausted is not None:
            raise await self._refusal(exhausted, limits[exhausted] or 0)
        try:
            yield
        except BaseException:
            await self._ledger.refund(list(limits))
            raise

    async def usage(self, caller: Caller) -> Usage:
        """What the caller has used and may still use."""
        now = self._clock.now()
        counts = {s: await self._ledger.read(s, now) for s in self._limits(caller)}
        own = counts[caller.user_id]
        if not isinstance(caller, Guest):
            return Usage(count=own.count, last_used=own.last_used)
        # The address may be exhausted before the guest is; what is left is what both allow.
        address = counts[_address_subject(caller)]
        left = min(self._quota.per_guest - own.count, self._quota.per_address - address.count)
        tighter = own if self._quota.per_guest - own.count <= left else address
        return Usage(
            count=max(own.count, self._quota.per_guest - left),
            limit=self._quota.per_guest,
            resets_at=tighter.window_ends_at,
            last_used=own.last_used,
        )

    def _limits(self, caller: Caller) -> dict[str, int | None]:
        if isinstance(caller, Guest):
            return {
                caller.user_id: self._quota.per_guest,
                _address_subject(caller): self._quota.per_address,
            }
        return {caller.user_id: None}

    async def _refusal(self, subject: str, limit: int) -> QuotaExceeded:
        now = self._clock.now()
        window_ends_at = (await self._ledger.read(subject, now)).window_ends_at or now
        wait_s = max(math.ceil((window_ends_at - now).total_seconds()), 1)
        return QuotaExceeded(
            f"guests may analyse {limit} images in {self._quota.window_s} seconds; "
            "sign in to go on, or come back later",
            retry_after_s=wait_s,
            limit=limit,
        )


def _address_subject(guest: Guest) -> str:
    return f"address:{guest.address}"
