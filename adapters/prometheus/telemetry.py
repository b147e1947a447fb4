"""Telemetry kept in a Prometheus registry of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from application.ports.telemetry import FrameOutcome, Stage

_STAGE_BUCKETS_S = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
)  # fmt: skip


class PrometheusTelemetry:
    """Fulfils ``Telemetry``; the entrypoint serves ``registry`` under ``/metrics``."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._stages = Histogram(
            "emotion_stage_seconds",
            "Time an image spends in each stage, waiting for a thread included",
            ["stage"],
            buckets=_STAGE_BUCKETS_S,
            registry=self.registry,
        )
        self._images = Counter("emotion_images_total", "Images analysed", registry=self.registry)
        self._faces = Counter("emotion_faces_total", "Faces read", registry=self.registry)
        self._stored = Counter(
            "emotion_detections_stored_total",
            "Detections that reached their stores, or were given up",
            ["outcome"],
            registry=self.registry,
        )
        self._frames = Counter(
            "emotion_stream_frames_total",
            "Frames of realtime sessions, by what became of them",
            ["outcome"],
            registry=self.registry,
        )
        self._frame_latency = Histogram(
            "emotion_stream_latency_seconds",
            "Time from the arrival of a frame to its result",
            buckets=_STAGE_BUCKETS_S,
            registry=self.registry,
        )
        self._sessions = Gauge(
            "emotion_stream_sessions", "Realtime sessions that are open", registry=self.registry
        )

    @contextmanager
    def stage(self, stage: Stage) -> Iterator[None]:
        """Time the block as one run of the stage."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self._stages.labels(stage).observe(time.perf_counter() - started)

    def faces_found(self, count: int) -> None:
        """Count an analysed image and its faces."""
        self._images.inc()
        self._faces.inc(count)

    def detection_stored(self, *, ok: bool) -> None:
        """Count a detection that reached its stores, or was given up."""
        self._stored.labels("done" if ok else "failed").inc()

    def frame_done(self, outcome: FrameOutcome, latency_s: float | None = None) -> None:
        """Count a frame of a stream by what became of it."""
        self._frames.labels(outcome).inc()
        if latency_s is not None:
            self._frame_latency.observe(latency_s)

    def stream_sessions(self, open_now: int) -> None:
        """Show how many realtime sessions are open."""
        self._sessions.set(open_now)

    def gauge(self, name: str, description: str, read: Callable[[], float]) -> None:
        """Show a value that is read whenever the metrics are."""
        Gauge(name, description, registry=self.registry).set_function(read)
