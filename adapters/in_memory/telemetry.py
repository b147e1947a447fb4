"""Measurements, kept for tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from application.ports.telemetry import FrameOutcome, Stage


class InMemoryTelemetry:
    """Counts every measurement.

    Attributes:
        stages: how often each stage ran.
        failed_stages: how often each of them raised.
        faces: found in all images together.
        images: that were analysed.
        stored: detections that were stored.
        given_up: detections that were given up.
        frames: frames of sessions by outcome.
        sessions: realtime sessions open now.
        circuits: by part, whether its circuit breaker is open.
        certificate_failures: how often certificates could not be fetched.
    """

    def __init__(self) -> None:
        self.stages: Counter[Stage] = Counter()
        self.failed_stages: Counter[Stage] = Counter()
        self.faces = 0
        self.images = 0
        self.stored = 0
        self.given_up = 0
        self.frames: Counter[FrameOutcome] = Counter()
        self.sessions = 0
        self.circuits: dict[str, bool] = {}
        self.certificate_failures = 0

    @contextmanager
    def stage(self, stage: Stage) -> Iterator[None]:
        """Count the block."""
        self.stages[stage] += 1
        try:
            yield
        except BaseException:
            self.failed_stages[stage] += 1
            raise

    def frame(self, waited_s: float) -> AbstractContextManager[None]:
        """Count nothing yet: ``frame_done`` does."""
        return nullcontext()

    def faces_found(self, count: int) -> None:
        """Count an image and its faces."""
        self.images += 1
        self.faces += count

    def detection_stored(self, *, ok: bool) -> None:
        """Count a detection that was stored or given up."""
        if ok:
            self.stored += 1
        else:
            self.given_up += 1

    def frame_done(self, outcome: FrameOutcome, latency_s: float | None = None) -> None:
        """Count a frame by its outcome."""
        self.frames[outcome] += 1

    def circuit(self, part: str, *, is_open: bool) -> None:
        """Keep the state of the part's circuit breaker."""
        self.circuits[part] = is_open

    def certificates_missing(self) -> None:
        """Count one more."""
        self.certificate_failures += 1

    def stream_sessions(self, open_now: int) -> None:
        """Keep how many sessions are open."""
        self.sessions = open_now
