"""One client's live session: its states and settings."""

from __future__ import annotations

import logging
from collections.abc import Callable
from uuid import UUID, uuid4

from application.accounts.credentials import Credential
from application.errors import StoreUnavailable
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
from domain.errors import InvalidRequest
from domain.session import Frame, SessionSummary
from domain.session_config import NO_CHANGE, ConfigChange, SessionConfig
from domain.user import User

log = logging.getLogger(__name__)


class StreamSession:
    """One client's session. It runs from ``start`` to ``stop``, any number of times.

    Frames are accepted only while the session runs. They are analysed one at a time, always the
    newest. For every frame that ``offer`` accepts there is a result, an error, or a counted drop.
    All events go to the listener, in order.

    Attributes:
        session_id: unique.
        user: whose client it is.
        credential: the client's token, with which the session ends; None until it is
            open, and for a client without one.
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
        self._running = running = RunningSession(
            session_id=self.session_id,
            config=self.config,
            analysis=self._new_analysis(),
            slots=self._slots,
            clock=self._clock,
            telemetry=self._telemetry,
            listener=self._listener,
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
        summary = await running.finish()
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
        if self._running is None:
            raise InvalidRequest("the session is not running; send start first")
        self._running.offer(frame)

    async def end(self) -> None:
        """End because the client is gone: cancel the frame in work, and save the summary."""
        if self._running is not None:
            await self._running.cancel()
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
