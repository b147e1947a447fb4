"""Sessions with fakes, and a listener that keeps their events."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from adapters.in_memory import (
    InMemoryClock,
    InMemoryDetectionRepository,
    InMemoryDetectionSpool,
    InMemoryEmotionClassifier,
    InMemoryFaceDetector,
    InMemoryFaceTracker,
    InMemoryImageDecoder,
    InMemoryImageStore,
    InMemorySessionPlaces,
    InMemoryTelemetry,
    InMemoryUserRepository,
    fake_image,
)
from adapters.inference.stepwise import StepwiseFaceAnalyser
from application.ports.face_tracker import FaceTracker
from application.ports.session_places import SessionPlaces
from application.ports.telemetry import Stage
from application.sessions.analysis import FrameAnalysis
from application.sessions.events import SessionEvent
from application.sessions.session import StreamSession
from application.sessions.sessions import SessionLimits, StreamSessions
from domain.emotion import Emotion
from domain.errors import InvalidToken
from domain.session import Frame, FrameResult
from domain.session_config import SessionConfig
from domain.user import User
from entrypoints.wire.frame_data import sent_image
from tests.storing import Storing

Event = TypeVar("Event")
HAPPY_FACE = ((100, 100, 120, 120), Emotion.HAPPY)


class Recorder:
    """A listener that keeps all events, and can be not ready."""

    def __init__(self) -> None:
        self.events: list[SessionEvent] = []
        self.is_disconnected = False
        self._told = asyncio.Event()
        self._ready = asyncio.Event()
        self._ready.set()

    def stop_reading(self) -> None:
        self._ready.clear()

    def read_on(self) -> None:
        self._ready.set()

    async def ready(self) -> None:
        await self._ready.wait()

    async def send(self, event: SessionEvent) -> None:
        self.events.append(event)
        self._told.set()

    async def disconnect(self) -> None:
        self.is_disconnected = True
        self._told.set()

    async def until_disconnected(self) -> None:
        async with asyncio.timeout(5):
            while not self.is_disconnected:
                self._told.clear()
                await self._told.wait()

    def all(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    async def nth(self, kind: type[Event], count: int = 1) -> Event:
        """Wait for this many events of a kind; returns the last."""
        async with asyncio.timeout(5):
            while len(self.all(kind)) < count:
                self._told.clear()
                await self._told.wait()
        return self.all(kind)[count - 1]


@dataclass
class World:
    """The fakes around the sessions."""

    clock: InMemoryClock = field(default_factory=InMemoryClock)
    decoder: InMemoryImageDecoder = field(default_factory=InMemoryImageDecoder)
    detector: InMemoryFaceDetector = field(default_factory=InMemoryFaceDetector)
    classifier: InMemoryEmotionClassifier = field(default_factory=InMemoryEmotionClassifier)
    telemetry: InMemoryTelemetry = field(default_factory=InMemoryTelemetry)
    repository: InMemoryDetectionRepository = field(default_factory=InMemoryDetectionRepository)
    spool: InMemoryDetectionSpool = field(default_factory=InMemoryDetectionSpool)
    ended_tokens: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.store = Storing(
            spool=self.spool,
            repository=self.repository,
            users=InMemoryUserRepository(),
            images=InMemoryImageStore(),
            clock=self.clock,
            telemetry=self.telemetry,
            give_up_after_s=3600,
        )

    def sessions(
        self,
        *,
        sessions: int = 8,
        per_user: int = 4,
        frames_in_work: int = 2,
        places: SessionPlaces | None = None,
    ) -> StreamSessions:
        return StreamSessions(
            limits=SessionLimits(sessions, per_user, frames_in_work),
            defaults=SessionConfig(max_frame_rate=60, detection_interval=1),
            new_analysis=self.new_analysis,
            spooler=self.store.spooler,
            places=places or InMemorySessionPlaces(self.clock),
            verify_token=self.verify_token,
            clock=self.clock,
            telemetry=self.telemetry,
        )

    def new_analysis(self, tracker: FaceTracker | None = None) -> FrameAnalysis:
        analyser = StepwiseFaceAnalyser(
            decoder=self.decoder,
            detector=self.detector,
            classifier=self.classifier,
            telemetry=self.telemetry,
        )
        return FrameAnalysis(
            analyser=analyser, tracker=tracker or InMemoryFaceTracker(), telemetry=self.telemetry
        )

    async def verify_token(self, token: str) -> None:
        if token in self.ended_tokens:
            raise InvalidToken("the account has ended")

    async def reached(self, stage: Stage) -> None:
        """Wait until a frame has reached this stage."""
        async with asyncio.timeout(5):
            while not self.telemetry.stages[stage]:  # noqa: ASYNC110 (the fake has no event)
                await asyncio.sleep(0)

    def frame(self, frame_id: int, data: Any = None) -> Frame:
        """A frame that arrives a tenth of a second after the previous one."""
        self.clock.advance(0.1)
        sent = sent_image(data or fake_image(HAPPY_FACE))
        return Frame(frame_id, float(frame_id), sent, self.clock.monotonic())


def some_user(user_id: str = "alice") -> User:
    return User(user_id, None, None, None, True, ("local",), datetime(2026, 1, 1, tzinfo=UTC))


async def analysed(
    session: StreamSession, world: World, recorder: Recorder, count: int, *, rate: float = 10
) -> None:
    """Send this many frames, one after the other, at a rate a second."""
    done = len(recorder.all(FrameResult))
    for i in range(done + 1, done + count + 1):
        world.clock.advance(1 / rate - 0.1)  # which is what the next frame adds
        session.offer(world.frame(i))
        await recorder.nth(FrameResult, i)
