"""An hour of video, in fast motion."""

import asyncio
import gc

from adapters.in_memory import fake_image
from adapters.tracking import KalmanFaceTracker
from application.sessions.events import SessionEnded, SessionEvent
from application.sessions.session import StreamSession
from application.sessions.slots import FrameSlots
from domain.emotion import Emotion
from domain.session import Frame
from domain.session_config import ConfigChange, SessionConfig
from entrypoints.wire.frame_data import sent_image
from tests.unit.sessions.world import World, some_user

FRAMES = 3_600
"""One a second, for an hour."""


class LastEvent:
    """A listener that keeps only the last event."""

    def __init__(self) -> None:
        self.last: SessionEvent | None = None
        self.told = asyncio.Event()

    async def ready(self) -> None:
        pass

    async def send(self, event: SessionEvent) -> None:
        self.last = event
        self.told.set()

    async def disconnect(self) -> None:
        pass


async def test_an_hour_of_video_leaves_only_its_timeline_in_memory(world: World) -> None:
    listener = LastEvent()
    session = StreamSession(
        session_id="soak",
        user=some_user(),
        defaults=SessionConfig(),
        new_analysis=lambda: world.new_analysis(KalmanFaceTracker()),
        slots=FrameSlots(1, world.clock),
        spooler=world.store.spooler,
        clock=world.clock,
        telemetry=world.telemetry,
        listener=listener,
    )
    await session.start(ConfigChange({"detection_interval": 1}))
    pictures = [fake_image(((100 + x, 100, 120, 120), Emotion.HAPPY)) for x in range(100)]
    sizes = []
    for number in range(FRAMES):
        if number in (FRAMES // 6, FRAMES - 1):
            gc.collect()
            sizes.append(len(gc.get_objects()))
        world.clock.advance(1)
        listener.told.clear()
        place = 99 - abs(99 - number % 198)
        session.offer(Frame(number, 0.0, sent_image(pictures[place]), world.clock.monotonic()))
        await listener.told.wait()
    # One entry of the timeline for each second, and nothing else.
    assert sizes[1] - sizes[0] < 1.2 * FRAMES
    await session.stop()
    assert isinstance(listener.last, SessionEnded)
    (track,) = listener.last.summary.tracks
    assert len(track.timeline) == FRAMES
    assert listener.last.summary.frames_processed == FRAMES
