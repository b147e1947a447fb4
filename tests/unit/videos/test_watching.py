"""Watching a camera whose connection is lost and restored."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

import pytest

from adapters.in_memory import (
    InMemoryClock,
    InMemoryEmotionClassifier,
    InMemoryFaceDetector,
    InMemoryTelemetry,
    Scene,
    fake_image,
)
from adapters.tracking import KalmanFaceTracker
from application.faces import FaceReader
from application.ports.video_reader import VideoFrame
from application.use_cases.watch_camera import MAX_PAUSE_S, WatchCamera
from domain.emotion import Emotion
from domain.image import Image
from domain.video import AnalysedFrame

HAPPY = Scene.parse(fake_image(((20, 40, 120, 150), Emotion.HAPPY)))


class Camera:
    """Returns some frames per connection, and then fails."""

    def __init__(self, *frames: int) -> None:
        self._left = list(frames)
        self.connections = 0

    async def frames(self, source: str) -> AsyncGenerator[VideoFrame, None]:
        self.connections += 1
        count = self._left.pop(0) if self._left else 0
        for number in range(count):
            yield VideoFrame(Image(HAPPY, HAPPY.width, HAPPY.height, "video"), number / 10)
        raise OSError(111, "Connection refused")


@dataclass
class Telling:
    frames: list[AnalysedFrame] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    async def analysed(self, frame: AnalysedFrame) -> None:
        self.frames.append(frame)

    async def lost(self, error: OSError, pause_s: float) -> None:
        self.pauses.append(pause_s)


def watching(camera: Camera, clock: InMemoryClock) -> WatchCamera:
    return WatchCamera(
        camera_frames=camera.frames,
        face_reader=FaceReader(
            detector=InMemoryFaceDetector(),
            classifier=InMemoryEmotionClassifier(),
            telemetry=InMemoryTelemetry(),
        ),
        new_tracker=KalmanFaceTracker,
        clock=clock,
        min_face_size_px=64,
    )


async def test_an_error_of_the_listener_ends_the_watching() -> None:
    class Full(Telling):
        async def analysed(self, frame: AnalysedFrame) -> None:
            raise BrokenPipeError

    telling = Full()
    with pytest.raises(BrokenPipeError):
        await watching(Camera(3), InMemoryClock()).execute(
            "rtsp://camera", telling, every_s=0.2, stop=asyncio.Event()
        )
    assert telling.pauses == []


async def test_a_face_keeps_its_id_when_the_camera_changes_its_resolution() -> None:
    class Switching(Camera):
        async def frames(self, source: str) -> AsyncGenerator[VideoFrame, None]:
            self.connections += 1
            for scale in (1, 1, 3, 3, 1, 1):
                face = (20 * scale, 40 * scale, 120 * scale, 150 * scale)
                width, height = HAPPY.width * scale, HAPPY.height * scale
                seen = fake_image((face, Emotion.HAPPY), width=width, height=height)
                yield VideoFrame(Image(Scene.parse(seen), width, height, "video"), 0.0)
            stop.set()
            await asyncio.Event().wait()

    clock, telling, stop = InMemoryClock(), Telling(), asyncio.Event()
    watch = watching(Switching(), clock)
    work = asyncio.create_task(watch.execute("rtsp://camera", telling, every_s=0.2, stop=stop))
    while not work.done():
        clock.advance(0.1)
        await asyncio.sleep(0)
    summary = await work
    assert [(face.track_id, face.frames) for face in summary.tracks] == [("face_1", 6)]


async def test_a_lost_camera_is_retried_with_growing_pauses_and_faces_are_summarised() -> None:
    clock, telling, stop = InMemoryClock(), Telling(), asyncio.Event()
    camera = Camera(3, 0, 0, 0, 0, 0, 0, 4)
    watch = watching(camera, clock)
    work = asyncio.create_task(watch.execute("rtsp://camera", telling, every_s=0.2, stop=stop))
    async with asyncio.timeout(20):
        while len(telling.pauses) < 8:
            clock.advance(0.1)
            await asyncio.sleep(0)
    stop.set()
    summary = await work
    assert telling.pauses == [1.0, 2.0, 4.0, 8.0, 16.0, MAX_PAUSE_S, MAX_PAUSE_S, 1.0]
    assert [frame.number for frame in telling.frames] == list(range(7))
    assert summary.frames == 7
    # After so long it may be another face.
    assert [track.time_share.dominant for track in summary.tracks] == [Emotion.HAPPY] * 2
