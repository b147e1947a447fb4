"""The state of a session from ``start`` to ``stop``."""

from __future__ import annotations

import asyncio
from datetime import datetime

from application.ports.clock import Clock
from application.sessions.adaptation import Adaptation
from application.sessions.analysis import FrameAnalysis, FrameFaces
from application.sessions.events import SessionMetrics, Suggestion
from application.sessions.intake import LatestFrame, RateLimiter
from application.sessions.measures import Measures, WindowMeter
from application.tracking.journal import Journal
from domain.session import Frame, SessionSummary
from domain.session_config import SessionConfig


class RunningSession:
    """Everything of a session that begins anew with each ``start``.

    Attributes:
        measures: counts and times of its frames.
        latest: the frame that waits.
        rate_limiter: limits the frame rate.
        analysis: tracks the faces.
        adaptation: the present effort, and why.
        idle: an event, set while no frame is in work.
        worker: the task that analyses the frames.
    """

    worker: asyncio.Task[None]

    def __init__(self, config: SessionConfig, analysis: FrameAnalysis, clock: Clock) -> None:
        self.measures = Measures()
        self.latest = LatestFrame()
        self.rate_limiter = RateLimiter(config.max_frame_rate)
        self.analysis = analysis
        self.adaptation = Adaptation.starting_with(config)
        self.idle = asyncio.Event()
        self.idle.set()
        self._clock = clock
        self._windows = WindowMeter()
        self._journal = Journal(1 / config.max_frame_rate)
        self._started_s = clock.monotonic()
        self._started_at: datetime = clock.now()
        self._size = (0, 0)

    @property
    def metrics(self) -> SessionMetrics:
        """The measurements now."""
        effort = self.adaptation.effort
        return self.measures.snapshot(self._clock.monotonic(), effort.resolution, effort.interval)

    def configure(self, config: SessionConfig) -> None:
        """Use another configuration from the next frame on."""
        if config.max_frame_rate != self.adaptation.config.max_frame_rate:
            self.rate_limiter = RateLimiter(config.max_frame_rate)
        self.adaptation = self.adaptation.with_config(config)
        self._windows.restart()

    def record(self, frame: Frame, found: FrameFaces) -> None:
        """Add a frame's faces to the journal."""
        self._size = (found.width, found.height)
        at_s = max(frame.received_s - self._started_s, 0.0)
        self._journal.add(found.faces, at_s, self._size)

    def review(self, processing_s: float) -> Suggestion | None:
        """Count one more result; at the end of a window, return what to suggest."""
        window = self._windows.add(self.measures, processing_s, self._clock.monotonic())
        if window is None:
            return None
        self.adaptation, suggestion = self.adaptation.after(window)
        return suggestion

    def summary(self, session_id: str, video_source: str | None) -> SessionSummary:
        """The summary; ends the journal."""
        measures = self.measures
        return SessionSummary(
            session_id=session_id,
            video_source=video_source,
            started_at=self._started_at,
            duration_s=self._clock.monotonic() - self._started_s,
            frames_received=measures.received,
            frames_processed=measures.processed,
            frames_failed=measures.failed,
            frames_dropped=measures.dropped,
            mean_processing_time_s=measures.mean_processing_s,
            width=self._size[0],
            height=self._size[1],
            tracks=self._journal.tracks(),
            truncated=self._journal.truncated,
        )
