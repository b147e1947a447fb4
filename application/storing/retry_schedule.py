"""Detections that wait to be stored, and when each is retried."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from application.ports.clock import Clock


@dataclass(slots=True)
class StoringState:
    """The state of storing a waiting detection.

    Attributes:
        recorded: the repository got its record; if the record is missing now, it was deleted.
        attempts: that failed so far.
        failing_since_s: when the first of them that called the stores failed, on the monotonic
            clock.
        due_at_s: when to retry, likewise.
        owner_id: the owner, once an upload was tried: it may have arrived although it failed.
        is_unwanted: it was deleted, and an upload may have to be undone.
    """

    recorded: bool = False
    attempts: int = 0
    failing_since_s: float | None = None
    due_at_s: float = 0.0
    owner_id: str | None = None
    is_unwanted: bool = False


class RetrySchedule:
    """State shared by the spooler and the carrier.

    Args:
        clock: for what is due.
        first_retry_s: seconds before the first retry; each further one takes twice as long.
        max_retry_s: at most.
    """

    def __init__(
        self, clock: Clock, *, first_retry_s: float = 1.0, max_retry_s: float = 300.0
    ) -> None:
        self.first_retry_s = first_retry_s
        self._clock = clock
        self._max_retry_s = max_retry_s
        self._in_work: set[UUID] = set()
        self._states: dict[UUID, StoringState] = {}
        self._changed = asyncio.Event()

    def state_of(self, key: UUID) -> StoringState:
        """The state of storing a detection; a new one is made if there is none."""
        return self._states.setdefault(key, StoringState())

    def take(self, key: UUID) -> None:
        """Reserve a detection until ``release``."""
        self._in_work.add(key)

    def release(self, key: UUID) -> None:
        """Release a detection and wake the carrier."""
        self._in_work.discard(key)
        self._changed.set()

    def forget(self, key: UUID) -> None:
        """Forget a detection that was stored or erased."""
        self._states.pop(key, None)

    def erase_later(self, key: UUID, owner_id: str) -> None:
        """Have the carrier erase a detection, again and again until that succeeds."""
        state = self.state_of(key)
        state.owner_id, state.is_unwanted = owner_id, True
        self._changed.set()

    def known(self) -> Collection[UUID]:
        """The detections with a state."""
        return frozenset(self._states)

    def due(self, waiting: Sequence[UUID], known: Collection[UUID]) -> Sequence[UUID]:
        """The detections to store now.

        Args:
            waiting: what the spool holds.
            known: the result of ``known`` from before the spool was listed; newer ones may be
                missing in the list.
        """
        left = set(known).intersection(self._states).difference(waiting, self._in_work)
        # The deletion may have missed an image that arrived later.
        tried = [key for key in left if self._states[key].owner_id is not None]
        for key in left.difference(tried):
            del self._states[key]
        now_s, fresh = self._clock.monotonic(), StoringState()
        return [
            key
            for key in [*waiting, *tried]
            if key not in self._in_work and self._states.get(key, fresh).due_at_s <= now_s
        ]

    def next_due_in_s(self) -> float | None:
        """Seconds until the next retry; None if there is none."""
        resting = [
            state.due_at_s for key, state in self._states.items() if key not in self._in_work
        ]
        return max(min(resting) - self._clock.monotonic(), 0.0) if resting else None

    def retry_later(self, key: UUID) -> int:
        """Schedule a retry.

        Exponential backoff with full jitter (Brooker, 2015, "Exponential Backoff And Jitter"), the
        lower half cut off so that a retry is never immediate.

        Returns:
            How many attempts have failed.
        """
        state = self.state_of(key)
        state.attempts += 1
        doublings = min(state.attempts - 1, 32)
        ceiling = min(self.first_retry_s * 2**doublings, self._max_retry_s)
        state.due_at_s = self._clock.monotonic() + random.uniform(ceiling / 2, ceiling)
        return state.attempts

    def failing_for_s(self, key: UUID) -> float:
        """Seconds since its first failure in this run of the process."""
        now_s = self._clock.monotonic()
        state = self.state_of(key)
        if state.failing_since_s is None:
            state.failing_since_s = now_s
        return now_s - state.failing_since_s

    def clear_changed(self) -> None:
        """Make ``changed`` wait for the next change."""
        self._changed.clear()

    async def changed(self, timeout_s: float | None) -> None:
        """Wait until something was released since ``clear_changed``, or for the timeout."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
