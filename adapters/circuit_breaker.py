"""Leaving alone what does not answer, so that nobody waits for it."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from application.ports.telemetry import Telemetry


class CircuitOpen(Exception):
    """The part has failed several times running and is left alone for a while.

    Attributes:
        retry_after_s: whole seconds until it is tried again, at least 1.
    """

    def __init__(self, name: str, retry_after_s: int) -> None:
        super().__init__(f"{name} has not answered lately and is left alone for {retry_after_s} s")
        self.retry_after_s = retry_after_s


class CircuitBreaker:
    """Watches the calls to one dependency; everything that calls it shares one breaker.

    After several failures in a row calls are refused at once. When a pause is over one call is let
    through as a trial, and its outcome says whether the others may follow (Nygard, "Release It!",
    2007). A success that took too long counts as a failure: waiting is what callers are spared.
    Event loops and threads may share it.

    Args:
        name: of the dependency, for people.
        failures: in a row, after which it is left alone.
        pause_s: seconds it is left alone before a trial.
        slow_s: seconds a call may take; None asks for no haste.
        telemetry: is told of the state, at first and whenever it changes.
        monotonic: a clock in seconds.
    """

    def __init__(
        self,
        name: str,
        *,
        failures: int = 3,
        pause_s: float = 5.0,
        slow_s: float | None = None,
        telemetry: Telemetry | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._allowed = failures
        self._pause_s = pause_s
        self._slow_s = slow_s
        self._telemetry = telemetry
        self._tell(is_open=False)
        self._monotonic = monotonic
        self._failed = 0
        self._trial_at: float | None = None
        self._trial_runs = False
        self._answered_at: float | None = None
        self._lock = threading.Lock()

    def answered_within(self, seconds: float) -> bool:
        """Whether the latest call went well, and was that recent: a sign of life for free."""
        answered_at = self._answered_at
        return answered_at is not None and self._monotonic() - answered_at < seconds

    @contextmanager
    def guard(self, *faults: type[Exception]) -> Iterator[None]:
        """Let the block call the dependency, and learn from how it ends.

        Args:
            faults: exceptions that mean the dependency is not there. Any other is an answer, and a
                cancellation says nothing either way.

        Raises:
            CircuitOpen: the dependency is being left alone; the block did not run.
        """
        trial = self._admit()
        started = self._monotonic()
        try:
            yield
        except faults:
            self._count_failure()
            raise
        except Exception:
            self._count_answer(started)
            raise
        else:
            self._count_answer(started)
        finally:
            if trial:
                self._trial_runs = False

    def _admit(self) -> bool:
        """Whether this call is the trial; raises where it may not run."""
        with self._lock:
            if self._trial_at is None:
                return False
            wait_s = self._trial_at - self._monotonic()
            if wait_s > 0 or self._trial_runs:
                raise CircuitOpen(self._name, max(math.ceil(wait_s), 1))
            self._trial_runs = True
            return True

    def _count_answer(self, started: float) -> None:
        if self._slow_s is not None and self._monotonic() - started > self._slow_s:
            self._count_failure()
            return
        with self._lock:
            self._failed = 0
            if self._trial_at is not None:
                self._trial_at = None
                self._tell(is_open=False)
            self._answered_at = self._monotonic()

    def _count_failure(self) -> None:
        with self._lock:
            self._answered_at = None
            self._failed += 1
            if self._failed >= self._allowed:
                self._trial_at = self._monotonic() + self._pause_s
                self._tell(is_open=True)

    def _tell(self, *, is_open: bool) -> None:
        if self._telemetry is not None:
            self._telemetry.circuit(self._name, is_open=is_open)
