"""One client's live session: its states, its frames and its events."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from uuid import UUID, uuid4

from application.accounts.credentials import Credential
from application.errors import ServiceUnavailable, StoreUnavailable
from application.ports.clock import Clock
from application.ports.telemetry import Telemetry
from application.sessions.analysis import FrameAnalysis
from application.sessions.events import (
    Failure,
    Initialized,
    SessionEnded,
    SessionEvent,
    SessionListener,
    SessionStatus,
)
from application.sessions.measures import Measures
from application.sessions.running import RunningSession
from application.sessions.slots import FrameSlots
from application.storing.spooler import Spooler
from domain.detection import Detection
from domain.errors import DomainError, ImageTooLarge, InvalidRequest
from domain.session import (
    MAX_FRAME_BYTES,
    MAX_FRAME_BYTES_IN_WORDS,
    Frame,
    FrameResult,
    SessionSummary,
)
from domain.session_config import NO_CHANGE, ConfigChange, SessionConfig
from domain.user import User

STATUS_EVERY_FRAMES = 30
_MAX_SLEEP_S = 0.25

log = logging.getLogger(__name__)


class StreamSession:
    """One client's session. It runs from ``start`` to ``stop``, any number of times.

    Frames are accepted only while the session runs. They are analysed one at a time, always the
    newest. For every frame that ``offer`` accepts there is a result, an error, or a counted drop.
    All events go to the listener, in order.

    Attributes:
        session_id: unique.
        user: whose client it is.
        credential: the client's token, with which the session ends; None until it is open.
        config: the settings in effect.
        has_ended: True once the client is gone.
    """

    def __init__(
        self,
        *,
        session_id: str,
        user: User,
        defaults: SessionConfig,
        new_analysis: Callable[[], FrameAnalysis],
        slots: FrameSlots,
        spooler: Spooler,
        clock: Clock,
        telemetry: Telemetry,
        listener: SessionListener,
    ) -> None:
        self.session_id = session_id
        self.user = user
        self.credential: Credential | None = None
        self.has_ended = False
        self.config = defaults
        self._defaults = defaults
        self._new_analysis = new_analysis
        self._slots = slots
        self._spooler = spooler
        self._clock = clock
        self._telemetry = telemetry
        self._listener = listener
        self._running: RunningSession | None = None

    @property
    def measures(self) -> Measures | None:
        """Counts and times since it was started; None unless the session runs."""
        return None if self._running is None else self._running.measures

    @property
    def wanted_rate(self) -> float:
        """The frame rate the client last asked for on its own."""
        if self._running is None:
            return self.config.max_frame_rate
        return self._running.adaptation.wanted_rate

    async def initialize(self, change: ConfigChange) -> None:
        """Configure the session: the defaults, and the client's changes.

        Raises:
            InvalidRequest: the session runs or has ended; nothing was changed.
        """
        self._check_alive()
        if self._running is not None:
            raise InvalidRequest("the session is running; stop it, or use configure")
        self.config = self._defaults.changed(change)
        await self.send(Initialized(self.session_id, self.config, change.ignored))

    async def start(self, change: ConfigChange = NO_CHANGE) -> None:
        """Start accepting frames; a running session continues.

        Raises:
            InvalidRequest: the session has ended.
        """
        if self._running is not None:
            await self._reconfigure(change, "already running")
            return
        self._check_alive()
        self.config = self.config.changed(change)
        self._running = running = RunningSession(self.config, self._new_analysis(), self._clock)
        running.worker = asyncio.create_task(
            self._analyse_frames(running), name=f"session {self.session_id}"
        )
        await self.send(SessionStatus("started", running.metrics, change.ignored))

    async def configure(self, change: ConfigChange) -> None:
        """Change some settings, from the next frame on.

        Raises:
            InvalidRequest: the session has ended.
        """
        await self._reconfigure(change, "configured")

    async def stop(self, change: ConfigChange = NO_CHANGE) -> None:
        """Accept no more frames, finish the one in work, and send the summary."""
        self.config = config = self.config.changed(change)
        # From here on the session can be started again while this one finishes.
        running, self._running = self._running, None
        if running is None:
            await self.send(SessionStatus("not running", ignored=change.ignored))
            return
        running.configure(config)
        if running.latest.take() is not None:
            self._drop(running)
        await running.idle.wait()
        summary = running.summary(self.session_id, config.video_source)
        await _cancel(running.worker)
        metrics = running.metrics
        detection_id = await self._save(summary) if config.save_session else None
        await self.send(SessionStatus("stopped", metrics, change.ignored))
        await self.send(SessionEnded(summary, detection_id))

    def offer(self, frame: Frame) -> None:
        """Accept a frame, replacing one that waits; its outcome is sent to the listener.

        Raises:
            InvalidRequest: the session does not run.
            ImageTooLarge: the frame has more than ``MAX_FRAME_BYTES``.
        """
        running = self._running
        if running is None:
            raise InvalidRequest("the session is not running; send start first")
        running.measures.received += 1
        if frame.image.size_bytes > MAX_FRAME_BYTES:
            self._fail(running)
            raise ImageTooLarge(
                f"a frame may have at most {MAX_FRAME_BYTES_IN_WORDS}", limit=MAX_FRAME_BYTES
            )
        if running.latest.put(frame) is not None:
            self._drop(running)

    async def end(self) -> None:
        """End because the client is gone: cancel the frame in work, and save the summary."""
        if self._running is not None:
            await _cancel(self._running.worker)
            await self.stop()
        self.has_ended = True

    async def disconnect(self, error: Exception) -> None:
        """Send the client the reason, stop, and close its connection.

        In this order, because a frame that arrives while the session stops is answered by an error,
        and the client should have the reason by then.
        """
        await self.send(Failure(error))
        await self.stop()
        await self._listener.disconnect()

    async def send(self, event: SessionEvent) -> None:
        """Send an event to the listener."""
        await self._listener.send(event)

    async def _reconfigure(self, change: ConfigChange, message: str) -> None:
        self._check_alive()
        self.config = self.config.changed(change)
        if self._running is not None:
            self._running.configure(self.config)
        metrics = self._running.metrics if self._running else None
        await self.send(SessionStatus(message, metrics, change.ignored))

    def _check_alive(self) -> None:
        if self.has_ended:
            raise InvalidRequest("the session has ended")

    async def _analyse_frames(self, running: RunningSession) -> None:
        """Analyse the frames that ``offer`` accepts; ends only when cancelled."""
        while True:
            await running.latest.filled()
            # In short sleeps, because the client may raise the rate meanwhile.
            while (wait_s := running.rate_limiter.wait_s(self._clock.monotonic())) > 0:
                await self._clock.sleep(min(wait_s, _MAX_SLEEP_S))
            await self._listener.ready()
            try:
                async with self._slots.hold():
                    frame = running.latest.take()
                    if frame is None:
                        continue
                    running.rate_limiter.count(self._clock.monotonic())
                    running.idle.clear()
                    waited_s = self._clock.monotonic() - frame.received_s
                    with self._telemetry.frame(waited_s):
                        event = await self._analyse(frame, running)
                await self._send_frame_event(event, running)
            finally:
                running.idle.set()

    async def _analyse(self, frame: Frame, running: RunningSession) -> FrameResult | Failure:
        taken_s = self._clock.monotonic()
        config, measures = self.config, running.measures
        try:
            found = await running.analysis.analyse(frame, config, running.adaptation.effort)
        except asyncio.CancelledError:
            self._drop(running)
            raise
        except Exception as error:
            # Any error of one frame is sent to the client, and the session continues.
            if not isinstance(error, (DomainError, ServiceUnavailable)):
                log.exception("a frame of session %s failed unexpectedly", self.session_id)
            self._fail(running)
            return Failure(error, frame.frame_id)
        now_s = self._clock.monotonic()
        processing_s, latency_s = now_s - taken_s, now_s - frame.received_s
        measures.result(
            at_s=now_s, processing_s=processing_s, latency_s=latency_s, faces=len(found.faces)
        )
        self._telemetry.frame_done("result", latency_s)
        running.record(frame, found)
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
            fps=measures.fps(now_s),
            dropped_frames=measures.dropped,
        )

    async def _send_frame_event(
        self, event: FrameResult | Failure, running: RunningSession
    ) -> None:
        await self.send(event)
        if isinstance(event, Failure):
            return
        if running.measures.processed % STATUS_EVERY_FRAMES == 0:
            await self.send(SessionStatus("running", running.metrics))
        if (suggestion := running.review(event.processing_time_s)) is not None:
            await self.send(suggestion)

    def _drop(self, running: RunningSession) -> None:
        running.measures.dropped += 1
        self._telemetry.frame_done("dropped")

    def _fail(self, running: RunningSession) -> None:
        running.measures.failed += 1
        self._telemetry.frame_done("error")

    async def _save(self, summary: SessionSummary) -> UUID | None:
        if not summary.frames_processed:
            return None
        record = Detection.of_summary(uuid4(), self.user.user_id, summary)
        try:
            await self._spooler.accept(record, None)
        except StoreUnavailable as error:
            log.warning("session %s could not be saved: %s", self.session_id, error)
            await self.send(Failure(error))
            return None
        return record.detection_id


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
