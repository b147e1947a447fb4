"""A circuit breaker: calls to a dependency that keeps failing fail at once."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from application.ports.telemetry import Telemetry


class CircuitOpen(Exception):
    """The dependency has failed several times in a row and is not called for a while.

    Attributes:
        retry_after_s: whole seconds until the next trial, at least 1.
    """

    def __init__(self, name: str, retry_after_s: int) -> None:
        super().__init__(f"{name} keeps failing and is not called for {retry_after_s} s")
        self.retry_after_s = retry_after_s


class CircuitBreaker:
    """Guards the calls to one dependency; all its callers share one breaker.

    After several failures in a row the breaker opens and refuses calls at once. After a pause, one
    call goes through as a trial, and its outcome closes or reopens the breaker (Nygard, "Release
    It!", 2007). A success that took too long counts as a failure. Event loops and threads may share
    it.

    Args:
        name: of the dependency, for people.
        failures: in a row, after which the breaker opens.
        pause_s: seconds until a trial.
        slow_s: seconds a call may take; None for any time.
        telemetry: gets the state at the start and at each change.
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
        self._report(is_open=False)
        self._monotonic = monotonic
        self._failed = 0
        self._trial_due_s: float | None = None
        self._trial_runs = False
        self._answered_s: float | None = None
        self._lock = threading.Lock()

    def answered_within(self, seconds: float) -> bool:
        """Whether the latest call succeeded within the last seconds; saves a health check."""
        answered_s = self._answered_s
        return answered_s is not None and self._monotonic() - answered_s < seconds

    @contextmanager
    def guard(self, *faults: type[Exception]) -> Iterator[None]:
        """Guard a block that calls the dependency, and count its outcome.

        Args:
            faults: exceptions that mean the dependency does not work. Any other exception counts as
                an answer; a cancellation counts as neither.

        Raises:
            CircuitOpen: the breaker is open; the block did not run.
        """
        trial = self._admit()
        started_s = self._monotonic()
        try:
            yield
        except faults:
            self._count_failure()
            raise
        except Exception:
            self._count_answer(started_s)
            raise
        else:
            self._count_answer(started_s)
        finally:
            if trial:
                self._trial_runs = False

    def _admit(self) -> bool:
        """Whether this call is the trial; raises where it may not run."""
        with self._lock:
            if self._trial_due_s is None:
                return False
            wait_s = self._trial_due_s - self._monotonic()
            if wait_s > 0 or self._trial_runs:
                raise CircuitOpen(self._name, max(math.ceil(wait_s), 1))
            self._trial_runs = True
            return True

    def _count_answer(self, started_s: float) -> None:
        if self._slow_s is not None and self._monotonic() - started_s > self._slow_s:
            self._count_failure()
            return
        with self._lock:
            self._failed = 0
            if self._trial_due_s is not None:
                self._trial_due_s = None
                self._report(is_open=False)
            self._answered_s = self._monotonic()

    def _count_failure(self) -> None:
        with self._lock:
            self._answered_s = None
            self._failed += 1
            if self._failed >= self._allowed:
                self._trial_due_s = self._monotonic() + self._pause_s
                self._report(is_open=True)

    def _report(self, *, is_open: bool) -> None:
        if self._telemetry is not None:
            self._telemetry.circuit(self._name, is_open=is_open)
