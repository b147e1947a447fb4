"""Measurements, kept for tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from application.ports.telemetry import Event, FrameOutcome, Stage


class InMemoryTelemetry:
    """Counts every measurement.

    Attributes:
        stages: how often each stage ran.
        failed_stages: how often each of them raised.
        counts: how often each event happened.
        frames: frames of sessions by outcome.
        circuits: by part, whether its circuit breaker is open.
    """

    def __init__(self) -> None:
        self.stages: Counter[Stage] = Counter()
        self.failed_stages: Counter[Stage] = Counter()
        self.counts: Counter[Event] = Counter()
        self.frames: Counter[FrameOutcome] = Counter()
        self.circuits: dict[str, bool] = {}

    @contextmanager
    def stage(self, stage: Stage) -> Iterator[None]:
        self.stages[stage] += 1
        try:
            yield
        except BaseException:
            self.failed_stages[stage] += 1
            raise

    def frame(self, waited_s: float) -> AbstractContextManager[None]:
        """Count nothing yet: ``frame_done`` does."""
        return nullcontext()

    def count(self, event: Event, times: int = 1) -> None:
        self.counts[event] += times

    def frame_done(self, outcome: FrameOutcome, latency_s: float | None = None) -> None:
        self.frames[outcome] += 1

    def circuit(self, part: str, *, is_open: bool) -> None:
        self.circuits[part] = is_open
