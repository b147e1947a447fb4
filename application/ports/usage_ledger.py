"""Usage counters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class UsageCount:
    """The state of one subject's counter.

    Attributes:
        count: uses in the current window; in all where no window applies.
        window_ends_at: None before the first use and where no window applies.
        last_used: of the current window; None before the first use.
    """

    count: int = 0
    window_ends_at: datetime | None = None
    last_used: datetime | None = None

    def is_over(self, at: datetime) -> bool:
        """Whether its window has ended by then."""
        return self.window_ends_at is not None and self.window_ends_at <= at


class UsageLedger(Protocol):
    """Counts uses per subject (a user, a guest, an address). May raise ``StoreUnavailable``."""

    async def consume(
        self, limits: Mapping[str, int | None], at: datetime, window_s: int | None
    ) -> str | None:
        """Count one use for every subject, or for none.

        Atomic: of several calls at once no more succeed than the limits allow.

        Args:
            limits: a subject and how many uses its window allows; None allows any number.
            at: the time of the use.
            window_s: length of the window in seconds, which begins with a subject's first use and
                is followed by a fresh one; None counts forever.

        Returns:
            None when counted; otherwise the subject whose limit is reached.
        """
        ...

    async def refund(self, subjects: Sequence[str]) -> None:
        """Take one use back from every subject; a count never falls below 0."""
        ...

    async def forget(self, subject: str) -> None:
        """Delete the counter of a subject; a missing one is not an error."""
        ...

    async def delete_expired(self, now: datetime) -> int:
        """Delete the counters whose window is over. Returns how many."""
        ...

    async def read(self, subject: str, at: datetime) -> UsageCount:
        """The counter of a subject; zero for one never seen or whose window is over."""
        ...
