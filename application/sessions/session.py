"""One client's realtime session: what it may do when, and what it is told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from enum import StrEnum
from uuid import UUID

from application.errors import StoreUnavailable
from application.ports.clock import Clock
from application.ports.face_tracker import FaceTracker
from application.sessions.analysis import FrameTools
from application.sessions.events import (
    Failure,
    Initialized,
    Listener,
    SessionEnded,
    StreamEvent,
    StreamStatus,
)
from application.sessions.run import StreamRun
from application.sessions.turns import Turns
from application.use_cases.keep_session import KeepSession
from domain.errors import InvalidRequest
from domain.stream import Frame, SessionSummary
from domain.stream_config import StreamConfig, foreign_keys
from domain.user import User

log = logging.getLogger(__name__)


class SessionState(StrEnum):
    """Where a session stands."""

    CONNECTED = "connected"
    INITIALISED = "initialised"
    RUNNING = "running"
    STOPPED = "stopped"
    ENDED = "ended"


class StreamSession:
    """Connected → initialised → running → stopped, as often as the client likes, → ended.

    ``initialize`` may be left out. A frame is only taken while the session runs. Everything the
    session has to say goes to its listener, in order.
    """

    def __init__(
        self,
        *,
        session_id: str,
        user: User,
        defaults: StreamConfig,
        tools: FrameTools,
        new_tracker: Callable[[], FaceTracker],
        turns: Turns,
        keep: KeepSession,
        clock: Clock,
        listener: Listener,
    ) -> None:
        self.session_id = session_id
        self.user = user
        self.state = SessionState.CONNECTED
        self.config = defaults
        self._defaults = defaults
        self._tools = tools
        self._new_tracker = new_tracker
        self._turns = turns
        self._keep = keep
        self._clock = clock
        self._listener = listener
        self._run: StreamRun | None = None
        self._worker: asyncio.Task[None] | None = None

    @property
    def run(self) -> StreamRun | None:
        """The stretch that is under way; None unless the session runs."""
        return self._run

    async def initialize(self, wishes: Mapping[str, object]) -> None:
        """Configure the session afresh: the defaults, and what the client wants otherwise.

        Here, in ``start`` and in ``configure`` keys that are no settings are passed over, and named
        in the answer.

        Raises:
            InvalidRequest: a wish does not fit, or the session runs or has ended; nothing was
                changed.
        """
        self._check_alive()
        if self.state is SessionState.RUNNING:
            raise InvalidRequest("the session is running; stop it, or use configure")
        self.config = self._defaults.changed(wishes)
        self.state = SessionState.INITIALISED
        await self.tell(Initialized(self.session_id, self.config, foreign_keys(wishes)))

    async def start(self, wishes: Mapping[str, object]) -> None:
        """Begin to take frames; a session that runs goes on.

        Raises:
            InvalidRequest: a wish does not fit; nothing was changed.
        """
        if self._run is not None:
            await self._reconfigure(wishes, "already running")
            return
        self._check_alive()
        self.config = config = self.config.changed(wishes)
        self.state = SessionState.RUNNING
        self._run = StreamRun(
            config=config,
            tools=self._tools,
            tracker=self._new_tracker(),
            turns=self._turns,
            clock=self._clock,
            listener=self._listener,
        )
        self._worker = asyncio.create_task(self._run.serve(), name=f"stream {self.session_id}")
        await self.tell(StreamStatus("started", self._run.metrics, foreign_keys(wishes)))

    async def configure(self, wishes: Mapping[str, object]) -> None:
        """Change some settings, from the next frame on.

        Raises:
            InvalidRequest: a wish does not fit; nothing was changed.
        """
        await self._reconfigure(wishes, "configured")

    async def stop(self, wishes: Mapping[str, object] | None = None) -> None:
        """Take no more frames, finish the one in work, and tell the summary.

        Raises:
            InvalidRequest: a wish does not fit; the session goes on and nothing was changed.
        """
        wishes = wishes or {}
        ignored = foreign_keys(wishes)
        self.config = self.config.changed(wishes)
        run, worker = self._run, self._worker
        if run is None or worker is None:
            await self.tell(StreamStatus("not running", ignored=ignored))
            return
        run.configure(self.config)
        # From here on the session can be started again, while this stretch comes to its end.
        self._run = self._worker = None
        self.state = SessionState.STOPPED
        summary = await run.finish(self.session_id)
        await _cancelled(worker)
        metrics = run.metrics
        detection_id = await self._kept(summary) if run.config.save_session else None
        await self.tell(StreamStatus("stopped", metrics, ignored))
        await self.tell(SessionEnded(summary, detection_id))

    def offer(self, frame: Frame) -> None:
        """Hand a frame in; what becomes of it is told to the listener.

        Raises:
            InvalidRequest: the session does not run.
            ImageTooLarge: the frame has more than 1 MiB.
        """
        if self._run is None:
            raise InvalidRequest("the session is not running; send start first")
        self._run.offer(frame)

    async def end(self) -> None:
        """The client is gone: give up the frame in work and keep what is to be kept."""
        if self._worker is not None:
            await _cancelled(self._worker)
            await self.stop()
        self.state = SessionState.ENDED

    async def tell(self, event: StreamEvent) -> None:
        """Pass something on to the listener."""
        await self._listener.tell(event)

    async def _reconfigure(self, wishes: Mapping[str, object], message: str) -> None:
        self._check_alive()
        self.config = self.config.changed(wishes)
        if self._run is not None:
            self._run.configure(self.config)
        metrics = self._run.metrics if self._run else None
        await self.tell(StreamStatus(message, metrics, foreign_keys(wishes)))

    def _check_alive(self) -> None:
        if self.state is SessionState.ENDED:
            raise InvalidRequest("the session has ended")

    async def _kept(self, summary: SessionSummary) -> UUID | None:
        if not summary.frames_processed:
            return None
        try:
            return (await self._keep.execute(self.user, summary)).detection_id
        except StoreUnavailable as error:
            log.warning("session %s could not be kept: %s", self.session_id, error)
            await self.tell(Failure(error))
            return None


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
