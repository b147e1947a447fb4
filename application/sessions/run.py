"""One stretch of a session from ``start`` to ``stop``."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime

from application.errors import ServiceUnavailable
from application.ports.clock import Clock
from application.ports.face_tracker import FaceTracker
from application.sessions.adaptation import Adaptation
from application.sessions.analysis import FrameAnalysis, FrameTools
from application.sessions.events import Failure, Listener, StreamMetrics, StreamStatus
from application.sessions.intake import LatestFrame, Pace
from application.sessions.journal import Journal
from application.sessions.measures import Measures
from application.sessions.turns import Turns
from domain.errors import DomainError, ImageTooLarge
from domain.stream import MAX_FRAME_BYTES, Frame, FrameResult, SessionSummary
from domain.stream_config import StreamConfig

STATUS_EVERY = 30
_LONGEST_SLEEP_S = 0.25

log = logging.getLogger(__name__)


class StreamRun:
    """Takes frames in and tells what they show, one at a time and always the newest.

    Every frame that ``offer`` takes is accounted for: a result, an error, or a counted drop.
    """

    def __init__(
        self,
        *,
        config: StreamConfig,
        tools: FrameTools,
        tracker: FaceTracker,
        turns: Turns,
        clock: Clock,
        listener: Listener,
    ) -> None:
        self.config = config
        self.measures = Measures()
        self._tools = tools
        self._turns = turns
        self._clock = clock
        self._listener = listener
        self._analysis = FrameAnalysis(tools, tracker)
        self._journal = Journal(1 / config.max_frame_rate)
        self._pace = Pace(config.max_frame_rate)
        self._adaptation = Adaptation(config)
        self._latest = LatestFrame()
        self._settled = asyncio.Event()
        self._settled.set()
        self._started_s = clock.monotonic()
        self._started_at: datetime = clock.now()
        self._size = (0, 0)

    @property
    def metrics(self) -> StreamMetrics:
        """How it goes."""
        effort = self._adaptation.effort
        return self.measures.snapshot(self._clock.monotonic(), effort.resolution, effort.interval)

    @property
    def wanted_rate(self) -> float:
        """The frame rate the client asked for when it followed no advice."""
        return self._adaptation.wanted_rate

    def configure(self, config: StreamConfig) -> None:
        """Go by another configuration from the next frame on."""
        if config.max_frame_rate != self.config.max_frame_rate:
            self._pace = Pace(config.max_frame_rate)
        self.config = config
        self._adaptation.configure(config)

    def offer(self, frame: Frame) -> None:
        """Let a frame wait for its turn in place of an older one.

        Raises:
            ImageTooLarge: it has more than 1 MiB.
        """
        self.measures.received += 1
        if frame.is_too_large:
            self.measures.failed += 1
            self._tools.telemetry.frame_done("error")
            raise ImageTooLarge("a frame may have at most 1 MiB", limit=MAX_FRAME_BYTES)
        if self._latest.put(frame) is not None:
            self._drop()

    async def serve(self) -> None:
        """Work on what is offered; ends only when cancelled."""
        while True:
            await self._latest.filled()
            # In short steps, because the rate may be raised meanwhile.
            while (wait_s := self._pace.wait_s(self._clock.monotonic())) > 0:
                await self._clock.sleep(min(wait_s, _LONGEST_SLEEP_S))
            await self._listener.ready()
            try:
                async with self._turns.turn():
                    frame = self._latest.take()
                    if frame is None:
                        continue
                    self._pace.took(self._clock.monotonic())
                    self._settled.clear()
                    event = await self._work_on(frame)
                await self._tell(event)
            finally:
                self._settled.set()

    async def finish(self, session_id: str) -> SessionSummary:
        """Let go of a frame that waits, finish the one in work, and tell what remains of it all."""
        if self._latest.take() is not None:
            self._drop()
        await self._settled.wait()
        measures = self.measures
        return SessionSummary(
            session_id=session_id,
            video_source=self.config.video_source,
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

    async def _work_on(self, frame: Frame) -> FrameResult | Failure:
        taken_s = self._clock.monotonic()
        config, effort = self.config, self._adaptation.effort
        try:
            found = await self._analysis.analyse(frame, config, effort)
        except asyncio.CancelledError:
            self._drop()
            raise
        except Exception as error:
            # Whatever happens to one frame, the session goes on and the sender is told.
            if not isinstance(error, (DomainError, ServiceUnavailable)):
                log.exception("a frame failed unexpectedly")
            self.measures.failed += 1
            self._tools.telemetry.frame_done("error")
            return Failure(error, frame.frame_id)
        now_s = self._clock.monotonic()
        latency_s = now_s - frame.received_s
        self.measures.result(
            at_s=now_s, processing_s=now_s - taken_s, latency_s=latency_s, faces=len(found.faces)
        )
        self._tools.telemetry.frame_done("result", latency_s)
        self._size = (found.width, found.height)
        self._journal.add(found.faces, max(frame.received_s - self._started_s, 0.0), self._size)
        return FrameResult(
            frame=frame,
            faces=found.faces,
            detection_used=found.detection_used,
            width=found.width,
            height=found.height,
            processing_time_s=now_s - taken_s,
            latency_s=latency_s,
            fps=self.measures.fps(now_s),
            dropped_frames=self.measures.dropped,
        )

    async def _tell(self, event: FrameResult | Failure) -> None:
        await self._listener.tell(event)
        if isinstance(event, Failure):
            return
        if self.measures.processed % STATUS_EVERY == 0:
            await self._listener.tell(StreamStatus("running", self.metrics))
        suggestion = self._adaptation.review(
            self.measures, event.processing_time_s, self._clock.monotonic()
        )
        if suggestion is not None:
            await self._listener.tell(suggestion)

    def _drop(self) -> None:
        self.measures.dropped += 1
        self._tools.telemetry.frame_done("dropped")
