"""All live sessions of this process: admission, and sharing the machine."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import uuid4

from application.accounts.credentials import VERIFY_EVERY_S, Credential, VerifyToken
from application.errors import Overloaded, ServiceUnavailable
from application.ports.clock import Clock
from application.ports.session_places import SessionPlaces
from application.ports.telemetry import Telemetry
from application.sessions.analysis import FrameAnalysis
from application.sessions.events import MachineFull, SessionListener, Suggestion
from application.sessions.load import LoadWatch
from application.sessions.session import StreamSession
from application.sessions.slots import FrameSlots
from application.sessions.token_checks import TokenChecks
from application.storing.spooler import Spooler
from application.work.cancellation import uninterrupted
from domain.session_config import SessionConfig
from domain.user import User

LOAD_EVERY_S = 2.0
TOKENS_END_WITHIN_S = 1.0
PLACES_EVERY_S = 10.0
_ADVISED_AGAIN_BELOW = 0.75
_RESTARTING = "the service is restarting; connect again shortly"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How many sessions may be open, and how many of their frames in work, at once.

    Attributes:
        sessions: of this process.
        sessions_per_user: of all processes together.
        frames_in_work: of this process.
    """

    sessions: int
    sessions_per_user: int
    frames_in_work: int


@dataclass(frozen=True, slots=True)
class _AdvisedRate:
    """The frame rate advised to a session, and the one it wanted before."""

    rate: float
    wanted: float


class StreamSessions:
    """Opens sessions while there is room, and watches over them in ``run``.

    Args:
        limits: on sessions and frames.
        defaults: the configuration of a session that asks for nothing else.
        new_analysis: makes what analyses the frames of a session, from its ``start`` to its
            ``stop``.
        spooler: stores the summaries that are kept.
        places: counts the sessions of a user, in all processes.
        verify_token: verifies a token again; raises ``InvalidToken`` if it is not valid any more.
        clock: for the time.
        telemetry: counts frames.
    """

    def __init__(
        self,
        *,
        limits: SessionLimits,
        defaults: SessionConfig,
        new_analysis: Callable[[], FrameAnalysis],
        spooler: Spooler,
        places: SessionPlaces,
        verify_token: VerifyToken,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._limits = limits
        self._defaults = defaults
        self._new_analysis = new_analysis
        self._spooler = spooler
        self._places = places
        self._clock = clock
        self._telemetry = telemetry
        self._slots = FrameSlots(limits.frames_in_work, clock)
        self._watch = LoadWatch(clock.monotonic())
        self._tokens = TokenChecks(verify_token, clock)
        self._open: dict[str, StreamSession] = {}
        self._advised: dict[str, _AdvisedRate] = {}
        self._closing = False

    def __len__(self) -> int:
        return len(self._open)

    async def run(self) -> None:
        """Watch over the sessions; ends only when cancelled.

        - Every two seconds the load is reviewed, and sessions are advised if the machine is full.
        - Every second, sessions whose token has expired end. Every ten seconds, each token is
          verified again, because its account may have ended.
        - Every ten seconds, the places of all sessions are renewed.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._every(LOAD_EVERY_S, self.review_load))
                tasks.create_task(self._every(TOKENS_END_WITHIN_S, self.end_expired))
                tasks.create_task(self._every(VERIFY_EVERY_S, self.verify_tokens))
                tasks.create_task(self._every(PLACES_EVERY_S, self.hold_places))
        finally:
            await self._tokens.close()

    async def open(
        self, user: User, listener: SessionListener, credential: Credential | None = None
    ) -> StreamSession:
        """Open a session whose events go to the listener.

        Args:
            user: the session's user.
            listener: its client.
            credential: the client's token; the session ends when it expires.

        Raises:
            Overloaded: all places, or all places of this user, are taken, or the service is
                stopping.
        """
        if self._closing:
            raise Overloaded(_RESTARTING)
        if len(self._open) >= self._limits.sessions:
            raise Overloaded("all realtime sessions are taken; try again later", retry_after_s=10)
        session = StreamSession(
            session_id=uuid4().hex,
            user=user,
            defaults=self._defaults,
            new_analysis=self._new_analysis,
            slots=self._slots,
            spooler=self._spooler,
            clock=self._clock,
            telemetry=self._telemetry,
            listener=listener,
        )
        # Counted before the first await, so that many at once cannot pass the limit together.
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
        session.credential = credential
        return session

    async def close(self, session: StreamSession) -> None:
        """End a session; closing it again changes nothing."""
        if self._open.pop(session.session_id, None) is None:
            return
        self._advised.pop(session.session_id, None)
        # A caller that is cancelled here has given up the session, so nothing else would end it.
        await uninterrupted(self._end(session))

    async def _end(self, session: StreamSession) -> None:
        try:
            await self._places.give_back(session.user.user_id, session.session_id)
        except ServiceUnavailable as error:
            log.info(
                "the place of session %s is freed only when its lease ends: %s",
                session.session_id,
                error,
            )
        finally:
            await session.end()

    async def close_all(self) -> None:
        """End every session and open no more, for when the service stops."""
        self._closing = True
        for session in list(self._open.values()):
            await self.close(session)

    async def hold_places(self) -> None:
        """Keep the places of all open sessions for one more lease."""
        held = {key: session.user.user_id for key, session in self._open.items()}
        try:
            await self._places.renew(held)
            # Sessions that ended in the meantime must not keep a place.
            for session_id in held.keys() - self._open.keys():
                await self._places.give_back(held[session_id], session_id)
        except ServiceUnavailable as error:
            log.info("the places of sessions are not renewed: %s", error)

    async def review_load(self) -> None:
        """Tell the sessions when the machine is full and when it has room again."""
        running = {
            key: (session.measures, session.config.max_frame_rate)
            for key, session in self._open.items()
            if session.measures is not None
        }
        utilisation = self._slots.utilisation()
        match self._watch.review(running, utilisation, self._clock.monotonic()):
            case "full":
                for session in [self._open[key] for key in running]:
                    await self._advise_lower_rate(session, self._watch.fair_rate)
            case "room again":
                await self._announce_room()

    async def end_expired(self) -> None:
        """Start to disconnect the clients whose token has expired, without waiting for them."""
        self._tokens.end_expired(self._open.values())

    async def verify_tokens(self) -> None:
        """Start to verify every token again, without waiting for the answers."""
        self._tokens.begin_round(self._open.values())

    async def _every(self, seconds: float, task: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self._clock.sleep(seconds)
            try:
                await task()
            except Exception:
                log.exception("watching over the sessions failed")

    async def _has_place(self, session: StreamSession) -> bool:
        """Whether the user has a free place; only in this process if others are unreachable."""
        user_id, limit = session.user.user_id, self._limits.sessions_per_user
        try:
            return await self._places.take(user_id, session.session_id, limit)
        except ServiceUnavailable as error:
            log.warning("sessions per user are counted in this process only: %s", error)
            return sum(s.user.user_id == user_id for s in self._open.values()) <= limit

    async def _advise_lower_rate(self, session: StreamSession, rate: float) -> None:
        """Tell a session once, and again only when its rate has to be clearly lower."""
        advised = self._advised.get(session.session_id)
        if advised is None or rate < advised.rate * _ADVISED_AGAIN_BELOW:
            wanted = advised.wanted if advised else session.wanted_rate
            self._advised[session.session_id] = _AdvisedRate(rate, wanted)
            await session.send(MachineFull(rate))

    async def _announce_room(self) -> None:
        advised_sessions = [
            (self._open[key], advised)
            for key, advised in self._advised.items()
            if key in self._open
        ]
        self._advised.clear()
        for session, advised in advised_sessions:
            rate = max(advised.wanted, session.config.max_frame_rate)
            await session.send(Suggestion("the machine has room again", {"max_frame_rate": rate}))
