"""The work on recorded videos, with fakes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from adapters.in_memory import (
    InMemoryClock,
    InMemoryDetectionRepository,
    InMemoryEmotionClassifier,
    InMemoryFaceDetector,
    InMemoryTelemetry,
    InMemoryVideoReader,
    InMemoryVideoRepository,
    InMemoryVideoStore,
    fake_image,
    fake_video,
)
from adapters.tracking import KalmanFaceTracker
from application.accounts.credentials import Credential
from application.accounts.links import LinkSigner
from application.faces import FaceReader
from application.ports.face_detector import WantedFaces
from application.use_cases.analyse_video import AnalyseVideo
from application.use_cases.erase_videos import EraseVideos
from application.use_cases.read_videos import ReadVideos
from application.use_cases.submit_video import SubmitVideo
from application.videos.work import WorkOnVideos
from domain.emotion import Emotion
from domain.face import FaceDetection
from domain.image import Image
from domain.user import User
from domain.video import AnalysedFrame, Sampling, Video, VideoLimits
from tests.unit.application.service import user

FACE = (20, 40, 120, 150)


def clip(seconds: float = 4.0, *, mood: Emotion = Emotion.HAPPY, start_s: float = 0.0) -> bytes:
    """Ten frames a second of one face."""
    image = fake_image((FACE, mood))
    return fake_video((start_s + number / 10, image) for number in range(round(seconds * 10)))


class PausingDetector(InMemoryFaceDetector):
    """Stops after a number of frames, until ``release``."""

    pause_after: int | None = None

    async def detect(
        self, image: Image, wanted: WantedFaces, **options: Any
    ) -> Sequence[FaceDetection]:
        if self.pause_after is not None and self.runs >= self.pause_after:
            self.pause_after = None
            self.hold()
        return await super().detect(image, wanted, **options)


@dataclass
class Videos:
    """Use cases with fakes. ``restart`` makes new ones on the same stores."""

    clock: InMemoryClock = field(default_factory=InMemoryClock)
    repository: InMemoryVideoRepository = field(default_factory=InMemoryVideoRepository)
    store: InMemoryVideoStore = field(default_factory=InMemoryVideoStore)
    history: InMemoryDetectionRepository = field(default_factory=InMemoryDetectionRepository)
    reader: InMemoryVideoReader = field(default_factory=InMemoryVideoReader)
    detector: PausingDetector = field(default_factory=PausingDetector)
    limits: VideoLimits = field(
        default_factory=lambda: VideoLimits(
            max_bytes=1_000_000, max_duration_s=60.0, max_unfinished=3
        )
    )
    workers: int = 1
    refused: Exception | None = None

    def __post_init__(self) -> None:
        self.alice, self.bob = user("alice"), user("bob")
        self.credential = Credential("a token", self.clock.now() + timedelta(hours=2))
        self.erase = EraseVideos(repository=self.repository, store=self.store, history=self.history)
        self.work = self.process("here")
        self.submit = SubmitVideo(
            repository=self.repository,
            store=self.store,
            reader=self.reader,
            limits=self.limits,
            clock=self.clock,
            holder=self.work.holder,
            submitted=lambda: self.work.wake(),
        )
        self.read = ReadVideos(
            repository=self.repository,
            store=self.store,
            links=LinkSigner(secret="s" * 32, clock=self.clock, lifetime_s=3600),
            verify_token=self.verify_token,
            clock=self.clock,
        )

    async def verify_token(self, token: str) -> None:
        """Accept a token, unless it was refused."""
        if self.refused is not None:
            raise self.refused

    def process(self, instance_id: str) -> WorkOnVideos:
        """The work on videos of a process with this data folder."""
        return WorkOnVideos(
            repository=self.repository,
            store=self.store,
            history=self.history,
            clock=self.clock,
            analyse=self.analyse(),
            erase_videos=self.erase,
            limits=self.limits,
            instance_id=instance_id,
            workers=self.workers,
        )

    def analyse(self) -> AnalyseVideo:
        """The analysis of videos."""
        return AnalyseVideo(
            video_reader=self.reader,
            face_reader=FaceReader(
                detector=self.detector,
                classifier=InMemoryEmotionClassifier(),
                telemetry=InMemoryTelemetry(),
            ),
            new_tracker=KalmanFaceTracker,
            min_face_size_px=64,
            frames_at_once=2,
        )

    async def submitted(
        self, content: bytes | None = None, *, owner: User | None = None, every_s: float = 0.1
    ) -> Video:
        """A video that was acknowledged."""
        data = clip() if content is None else content

        async def chunks() -> AsyncIterator[bytes]:
            for start in range(0, len(data), 100):
                yield data[start : start + 100]

        return await self.submit.execute(
            owner or self.alice,
            chunks(),
            filename="clip.mp4",
            size_bytes=len(data),
            sampling=Sampling(every_s),
        )

    async def state(self, video_id: UUID) -> Video:
        video = await self.repository.get(video_id)
        assert video is not None
        return video

    async def table(self, video_id: UUID) -> list[AnalysedFrame]:
        found: list[Sequence[AnalysedFrame]] = [
            frames async for frames in self.repository.frames(video_id)
        ]
        return [frame for frames in found for frame in frames]

    async def begun(self, video: Video, *, frames: int) -> asyncio.Task[bool]:
        """Start to work, and stop when this many frames are written."""
        # A frame is written once the next one is analysed.
        self.detector.pause_after = self.detector.runs + frames + 1
        task = asyncio.create_task(self.work.work_once())
        async with asyncio.timeout(20):
            while (
                self.detector.pause_after is not None
                or len(await self.table(video.video_id)) < frames
            ):
                self.clock.advance(0.5)
                await asyncio.sleep(0)
        return task
