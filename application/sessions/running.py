"""A session from ``start`` to ``stop``: its frames, one after the other."""

from __future__ import annotations

import asyncio
import logging

from application.errors import ServiceUnavailable
from application.ports.clock import Clock
from application.ports.telemetry import Telemetry
from application.sessions.adaptation import Adaptation
from application.sessions.analysis import FrameAnalysis, FrameFaces
from application.sessions.events import Failure, SessionListener, SessionMetrics, SessionStatus
from application.sessions.intake import LatestFrame, RateLimiter
from application.sessions.measures import Measures, WindowMeter
from application.sessions.slots import FrameSlots
from application.tracking.journal import Journal
from domain.errors import DomainError, ImageTooLarge
from domain.session import (
    MAX_FRAME_BYTES,
    MAX_FRAME_BYTES_IN_WORDS,
    Frame,
    FrameResult,
    SessionSummary,
)
from domain.session_config import SessionConfig

_STATUS_EVERY_FRAMES = 30
_MAX_SLEEP_S = 0.25

log = logging.getLogger(__name__)


class RunningSession:
    """Everything of a session that begins anew with each ``start``.

    Its frames are analysed in a task, one at a time, and always the newest.

    Args:
        session_id: of the session.
        config: the settings at the start.
        analysis: a new one.
        slots: shared with all other sessions.
        clock: for the time.
        telemetry: counts frames.
        listener: receives what comes of each frame.

    Attributes:
        measures: counts and times of its frames.
        adaptation: the present configuration and effort, and why.
    """

    def __init__(
        self,
        *,
        session_id: str,
        config: SessionConfig,
        analysis: FrameAnalysis,
        slots: FrameSlots,
        clock: Clock,
        telemetry: Telemetry,
        listener: SessionListener,
    ) -> None:
        self.measures = Measures()
        self.adaptation = Adaptation.starting_with(config)
        self._session_id = session_id
        self._analysis = analysis
        self._slots = slots
        self._clock = clock
        self._telemetry = telemetry
        self._listener = listener
        self._latest = LatestFrame()
        self._rate_limiter = RateLimiter(config.max_frame_rate)
        self._windows = WindowMeter()
        self._journal = Journal(1 / config.max_frame_rate)
        self._started_s, self._started_at = clock.monotonic(), clock.now()
        self._size = (0, 0)
        self._idle = asyncio.Event()  # set while no frame is in work
        self._idle.set()
        self._worker = asyncio.create_task(self._analyse_frames(), name=f"session {session_id}")

    @property
    def metrics(self) -> SessionMetrics:
        """The measurements now."""
        effort = self.adaptation.effort
        return self.measures.snapshot(self._clock.monotonic(), effort.resolution, effort.interval)

    def configure(self, config: SessionConfig) -> None:
        """Use another configuration from the next frame on."""
        if config.max_frame_rate != self.adaptation.config.max_frame_rate:
            self._rate_limiter = RateLimiter(config.max_frame_rate)
        self.adaptation = self.adaptation.with_config(config)
        self._windows.restart()

    def offer(self, frame: Frame) -> None:
        """Accept a frame, replacing one that waits.

        Raises:
            ImageTooLarge: the frame has more than ``MAX_FRAME_BYTES``.
        """
        self.measures.received += 1
        if frame.image.size_bytes > MAX_FRAME_BYTES:
            self._fail()
            raise ImageTooLarge(
                f"a frame may have at most {MAX_FRAME_BYTES_IN_WORDS}", limit=MAX_FRAME_BYTES
            )
        if self._latest.put(frame) is not None:
            self._drop()

    async def finish(self) -> SessionSummary:
        """Drop the frame that waits, finish the one in work, and return the summary."""
        if self._latest.take() is not None:
            self._drop()
        await self._idle.wait()
        summary = self._summary()
        await self.cancel()
        return summary

    async def cancel(self) -> None:
        """Cancel the frame in work, and analyse no more."""
        self._worker.cancel()
        await asyncio.gather(self._worker, return_exceptions=True)

    async def _analyse_frames(self) -> None:
        """Analyse the frames that ``offer`` accepts; ends only when cancelled."""
        while True:
            await self._latest.filled()
            # In short sleeps, because the client may raise the rate meanwhile.
            while (wait_s := self._rate_limiter.wait_s(self._clock.monotonic())) > 0:
                await self._clock.sleep(min(wait_s, _MAX_SLEEP_S))
            await self._listener.ready()
            try:
                async with self._slots.hold():
                    frame = self._latest.take()
                    if frame is None:
                        continue
                    self._rate_limiter.count(self._clock.monotonic())
                    self._idle.clear()
                    with self._telemetry.frame(self._clock.monotonic() - frame.received_s):
                        event = await self._analyse(frame)
                await self._listener.send(event)
                if isinstance(event, FrameResult):
                    await self._report(event)
            finally:
                self._idle.set()

    async def _analyse(self, frame: Frame) -> FrameResult | Failure:
        taken_s = self._clock.monotonic()
        config = self.adaptation.config
        try:
            found = await self._analysis.analyse(frame, config, self.adaptation.effort)
        except asyncio.CancelledError:
            self._drop()
            raise
        except Exception as error:
            # Any error of one frame is sent to the client, and the session continues.
            if not isinstance(error, (DomainError, ServiceUnavailable)):
                log.exception("a frame of session %s failed unexpectedly", self._session_id)
            self._fail()
            return Failure(error, frame.frame_id)
        now_s = self._clock.monotonic()
        processing_s, latency_s = now_s - taken_s, now_s - frame.received_s
        self.measures.result(
            at_s=now_s, processing_s=processing_s, latency_s=latency_s, faces=len(found.faces)
        )
        self._telemetry.frame_done("result", latency_s)
        self._record(frame, found)
        return FrameResult(
            frame_id=frame.frame_id,
            timestamp_s=frame.timestamp_s,
            config=config,
            faces=found.faces,
            detection_used=found.detection_used,
            width=found.width,
            height=found.height,
            processing_time_s=processing_s,
            latency_s=latency_s,
            fps=self.measures.fps(now_s),
            dropped_frames=self.measures.dropped,
        )

    def _record(self, frame: Frame, found: FrameFaces) -> None:
        self._size = (found.width, found.height)
        at_s = max(frame.received_s - self._started_s, 0.0)
        self._journal.add(found.faces, at_s, self._size)

    async def _report(self, result: FrameResult) -> None:
        """Send the measurements now and then, and at the end of a window what to suggest."""
        if self.measures.processed % _STATUS_EVERY_FRAMES == 0:
            await self._listener.send(SessionStatus("running", self.metrics))
        now_s = self._clock.monotonic()
        window = self._windows.add(self.measures, result.processing_time_s, now_s)
        if window is not None:
            self.adaptation, suggestion = self.adaptation.after(window)
            if suggestion is not None:
                await self._listener.send(suggestion)

    def _drop(self) -> None:
        self.measures.dropped += 1
        self._telemetry.frame_done("dropped")

    def _fail(self) -> None:
        self.measures.failed += 1
        self._telemetry.frame_done("error")

    def _summary(self) -> SessionSummary:
        measures = self.measures
        return SessionSummary(
            session_id=self._session_id,
            video_source=self.adaptation.config.video_source,
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
