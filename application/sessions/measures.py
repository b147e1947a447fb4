"""Measurements of a session: counts, rates and times, in bounded memory."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from statistics import fmean

from application.sessions.adaptation import Window
from application.sessions.events import SessionMetrics
from domain.geometry import Size

_FRAMES = 300
_RATE_WINDOW_S = 3.0
_WINDOW_S = 2.0
_MIN_FRAMES = 4


class Measures:
    """Counts frames and keeps the times of the last 300.

    Attributes:
        received: frames since the start.
        processed: that got a result.
        failed: that got an error.
        dropped: that were replaced by a newer one, waited when the session stopped, or were in work
            when the client disconnected.
        faces: in the last frame that got a result.
    """

    def __init__(self) -> None:
        self.received = 0
        self.processed = 0
        self.failed = 0
        self.dropped = 0
        self.faces = 0
        self._total_processing_s = 0.0
        self._processing_s: deque[float] = deque(maxlen=_FRAMES)
        self._latency_s: deque[float] = deque(maxlen=_FRAMES)
        self._finished_s: deque[float] = deque(maxlen=_FRAMES)

    def result(self, *, at_s: float, processing_s: float, latency_s: float, faces: int) -> None:
        """Count a frame that got a result."""
        self.processed += 1
        self.faces = faces
        self._total_processing_s += processing_s
        self._processing_s.append(processing_s)
        self._latency_s.append(latency_s)
        self._finished_s.append(at_s)

    @property
    def answered(self) -> int:
        """Frames that got a result or an error."""
        return self.processed + self.failed

    def fps(self, now_s: float) -> float:
        """Results a second over the last three seconds; 0 before the second result."""
        recent = [at for at in self._finished_s if now_s - at <= _RATE_WINDOW_S]
        if len(recent) < 2 or recent[-1] <= recent[0]:
            return 0.0
        return (len(recent) - 1) / (recent[-1] - recent[0])

    @property
    def mean_processing_s(self) -> float:
        """Over all results; 0 without any."""
        return self._total_processing_s / self.processed if self.processed else 0.0

    def snapshot(self, now_s: float, resolution: Size, interval: int) -> SessionMetrics:
        """All measurements now."""
        return SessionMetrics(
            received_frames=self.received,
            processed_frames=self.processed,
            failed_frames=self.failed,
            dropped_frames=self.dropped,
            current_fps=self.fps(now_s),
            average_processing_time_s=fmean(self._processing_s or (0.0,)),
            latency_p50_s=percentile(self._latency_s, 50),
            latency_p95_s=percentile(self._latency_s, 95),
            tracking_faces=self.faces,
            processing_resolution=resolution,
            detection_interval=interval,
        )


class WindowMeter:
    """Cuts the time of a session into windows of at least two seconds and four frames."""

    def __init__(self) -> None:
        self._since_s: float | None = None
        self._received = self._answered = 0
        self._busy_s = 0.0

    def restart(self) -> None:
        """Start a window with the next frame; this window's measurements are discarded."""
        self._since_s = None

    def add(self, measures: Measures, processing_s: float, now_s: float) -> Window | None:
        """Add one more finished frame.

        Args:
            measures: of the session, that frame included.
            processing_s: how long it was in work.
            now_s: on a monotonic clock.

        Returns:
            The window that ends with this frame; None if it does not end yet.
        """
        if self._since_s is None:
            self._begin(measures, now_s)
            return None
        self._busy_s += processing_s
        elapsed_s = now_s - self._since_s
        received = measures.received - self._received
        if elapsed_s < _WINDOW_S or received < _MIN_FRAMES:
            return None
        window = Window(elapsed_s, received, measures.answered - self._answered, self._busy_s)
        self._begin(measures, now_s)
        return window

    def _begin(self, measures: Measures, now_s: float) -> None:
        self._since_s = now_s
        self._received, self._answered = measures.received, measures.answered
        self._busy_s = 0.0


def percentile(values: Iterable[float], percent: float) -> float:
    """The smallest value that this percentage does not exceed; 0 without values."""
    ordered = sorted(values)
    if not ordered:
        return 0.0
    return ordered[max(math.ceil(len(ordered) * percent / 100) - 1, 0)]
