"""All realtime sessions of this process: who gets in, and how the machine is shared."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

from application.cancellation import uninterrupted
from application.errors import Overloaded, ServiceUnavailable
from application.ports.clock import Clock
from application.ports.face_tracker import FaceTracker
from application.ports.session_places import SessionPlaces
from application.sessions.analysis import FrameTools
from application.sessions.events import Listener, MachineFull, Suggestion
from application.sessions.load import Load, LoadWatch
from application.sessions.run import StreamRun
from application.sessions.session import StreamSession
from application.sessions.turns import Turns
from application.use_cases.keep_session import KeepSession
from domain.stream_config import StreamConfig
from domain.user import User

_TOLD_AGAIN_BELOW = 0.75
_RESTARTING = "the service is restarting; connect again shortly"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How many sessions may be open, and how many frames in work, at one time.

    Attributes:
        sessions: of this process.
        sessions_per_user: of all processes together.
        frames_in_work: of this process.
    """

    sessions: int
    sessions_per_user: int
    frames_in_work: int


@dataclass(frozen=True, slots=True)
class _Told:
    """The frame rate a session was told to drop to, and the one it wanted before."""

    rate: float
    wanted: float


class StreamSessions:
    """Opens sessions while there is room, and watches over all of them."""

    def __init__(
        self,
        *,
        limits: SessionLimits,
        defaults: StreamConfig,
        tools: FrameTools,
        new_tracker: Callable[[], FaceTracker],
        keep: KeepSession,
        places: SessionPlaces,
        clock: Clock,
    ) -> None:
        self._limits = limits
        self._defaults = defaults
        self._tools = tools
        self._new_tracker = new_tracker
        self._keep = keep
        self._places = places
        self._clock = clock
        self._turns = Turns(limits.frames_in_work, clock)
        self._watch = LoadWatch(clock.monotonic())
        self._open: dict[str, StreamSession] = {}
        self._told: dict[str, _Told] = {}
        self._closing = False

    def __len__(self) -> int:
        return len(self._open)

    async def open(self, user: User, listener: Listener) -> StreamSession:
        """Open a session whose events go to the listener.

        Raises:
            Overloaded: all places, or all of this user's, are taken, or the service is stopping.
        """
        if self._closing:
            raise Overloaded(_RESTARTING)
        if len(self._open) >= self._limits.sessions:
            raise Overloaded("all realtime sessions are taken; try again later", retry_after_s=10)
        session = StreamSession(
            session_id=uuid4().hex,
            user=user,
            defaults=self._defaults,
            tools=self._tools,
            new_tracker=self._new_tracker,
            turns=self._turns,
            keep=self._keep,
            clock=self._clock,
            listener=listener,
        )
        # Counted before anything is waited for, so that many at once do not slip in together.
        self._open[session.session_id] = session
        try:
            if not await self._has_place(session):
                raise Overloaded(
                    f"a user may have {self._limits.sessions_per_user} realtime sessions at a time",
                    retry_after_s=10,
                )
            if self._closing:
                raise Overloaded(_RESTARTING)
        except BaseException:
            await self.close(session)
            raise
        self._tools.telemetry.stream_sessions(len(self._open))
        return session

    async def close(self, session: StreamSession) -> None:
        """End a session; closing it again changes nothing."""
        if self._open.pop(session.session_id, None) is None:
            return
        self._told.pop(session.session_id, None)
        self._tools.telemetry.stream_sessions(len(self._open))
        # Nobody else would end it: whoever is cancelled here has let go of the session.
        await uninterrupted(self._wind_up(session))

    async def _wind_up(self, session: StreamSession) -> None:
        try:
            await self._places.give_back(session.user.user_id, session.session_id)
        except ServiceUnavailable as error:
            log.info("a place is given back by the end of its lease: %s", error)
        finally:
            await session.end()

    async def close_all(self) -> None:
        """End every session and open no more, as the service does when it stops."""
        self._closing = True
        for session in list(self._open.values()):
            await self.close(session)

    async def hold_places(self) -> None:
        """Keep the places of all open sessions; to be called several times in a lease."""
        held = {key: session.user.user_id for key, session in self._open.items()}
        try:
            await self._places.renew(held)
            # Those that ended in the meantime have just got a lease for nothing.
            for session_id in held.keys() - self._open.keys():
                await self._places.give_back(held[session_id], session_id)
        except ServiceUnavailable as error:
            log.info("the places of sessions are not renewed: %s", error)

    async def review_load(self) -> None:
        """Tell the sessions when the machine is full and when it has room again.

        To be called every two seconds while sessions are open.
        """
        running = {key: s.run for key, s in self._open.items() if s.run is not None}
        utilisation = self._turns.utilisation()
        load = self._watch.review(running, utilisation, self._clock.monotonic())
        if load is None:
            return
        if load.is_full:
            for session, run in [(self._open[key], run) for key, run in running.items()]:
                await self._tell_full(session, run, load)
        elif load.has_room_again:
            await self._tell_room()

    async def _has_place(self, session: StreamSession) -> bool:
        """Whether its user may have the session; asks this process alone while others are lost."""
        user_id, limit = session.user.user_id, self._limits.sessions_per_user
        try:
            return await self._places.take(user_id, session.session_id, limit)
        except ServiceUnavailable as error:
            log.warning("sessions of a user are counted in this process alone: %s", error)
            return sum(s.user.user_id == user_id for s in self._open.values()) <= limit

    async def _tell_full(self, session: StreamSession, run: StreamRun, load: Load) -> None:
        """Tell a session once, and again only when it has to go clearly lower still."""
        told = self._told.get(session.session_id)
        if told is None or load.fair_rate < told.rate * _TOLD_AGAIN_BELOW:
            wanted = told.wanted if told else run.wanted_rate
            self._told[session.session_id] = _Told(load.fair_rate, wanted)
            await session.tell(MachineFull(load.fair_rate))

    async def _tell_room(self) -> None:
        heeding = [(self._open[key], told) for key, told in self._told.items() if key in self._open]
        self._told.clear()
        for session, told in heeding:
            rate = max(told.wanted, session.config.max_frame_rate)
            await session.tell(Suggestion("the machine has room again", {"max_frame_rate": rate}))
