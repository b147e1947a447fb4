"""Telemetry kept in a Prometheus registry of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.metrics_core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from application.ports.telemetry import Event, FrameOutcome, Stage

_STAGE_BUCKETS_S = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
)  # fmt: skip


class PrometheusTelemetry:
    """Fulfils ``Telemetry``; the entrypoint serves ``registry`` under ``/metrics``."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._stages = Histogram(
            "emotion_stage_seconds",
            "Time an image spends in each stage, waiting for a thread included",
            ["stage"],
            buckets=_STAGE_BUCKETS_S,
            registry=self.registry,
        )
        stored = Counter(
            "emotion_detections_stored_total",
            "Detections that were stored, or were given up",
            ["outcome"],
            registry=self.registry,
        )
        self._events: dict[Event, Counter] = {
            "image_analysed": self._counter("emotion_images_total", "Images analysed"),
            "face_read": self._counter("emotion_faces_total", "Faces read"),
            "detection_stored": stored.labels("done"),
            "detection_given_up": stored.labels("failed"),
            "certificate_fetch_failed": self._counter(
                "emotion_certificate_fetch_failures_total",
                "Sign-ins that failed because the certificates to check them could not be fetched",
            ),
        }
        self._frames = Counter(
            "emotion_stream_frames_total",
            "Frames of live sessions, by outcome",
            ["outcome"],
            registry=self.registry,
        )
        self._frame_latency = Histogram(
            "emotion_stream_latency_seconds",
            "Time from the arrival of a frame to its result",
            buckets=_STAGE_BUCKETS_S,
            registry=self.registry,
        )
        self._circuits = Gauge(
            "emotion_circuit_open",
            "1 while a part does not answer and calls to it fail at once",
            ["part"],
            registry=self.registry,
        )
        # So that rates are 0 before the first event, and not missing.
        for outcome in get_args(FrameOutcome):
            self._frames.labels(outcome)

    @contextmanager
    def stage(self, stage: Stage) -> Iterator[None]:
        """Time the block as one run of the stage."""
        started_s = time.perf_counter()
        try:
            yield
        finally:
            self._stages.labels(stage).observe(time.perf_counter() - started_s)

    def frame(self, waited_s: float) -> AbstractContextManager[None]:
        """Measure nothing: ``frame_done`` records the latency."""
        return nullcontext()

    def count(self, event: Event, times: int = 1) -> None:
        """Count an event."""
        self._events[event].inc(times)

    def frame_done(self, outcome: FrameOutcome, latency_s: float | None = None) -> None:
        """Count a frame of a session by its outcome."""
        self._frames.labels(outcome).inc()
        if latency_s is not None:
            self._frame_latency.observe(latency_s)

    def circuit(self, part: str, *, is_open: bool) -> None:
        """Show the state of the part's circuit breaker."""
        self._circuits.labels(part).set(is_open)

    def gauge(self, name: str, description: str, read: Callable[[], float]) -> None:
        """Show a value that is read whenever the metrics are, in the thread that reads them."""
        Gauge(name, description, registry=self.registry).set_function(read)

    def counter(self, name: str, description: str, read: Callable[[], float]) -> None:
        """The same for a value that only grows; its name ends in ``_total``."""
        self.registry.register(_ReadCounter(name, description, read))

    def _counter(self, name: str, description: str) -> Counter:
        return Counter(name, description, registry=self.registry)


class _ReadCounter(Collector):
    """A counter that is kept elsewhere."""

    def __init__(self, name: str, description: str, read: Callable[[], float]) -> None:
        self._name = name
        self._description = description
        self._read = read

    def collect(self) -> Iterator[Metric]:
        """Read it."""
        yield CounterMetricFamily(self._name, self._description, value=self._read())

    def describe(self) -> Iterator[Metric]:
        """Its name, without reading the value."""
        yield CounterMetricFamily(self._name, self._description)
