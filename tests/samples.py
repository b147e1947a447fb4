"""Records to keep in a store."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from adapters.in_memory import (
    InMemoryClock,
    InMemoryDetectionSpool,
    InMemoryImageStore,
    InMemoryVideoRepository,
    InMemoryVideoStore,
    reading_of,
)
from application.ports.detection_repository import DetectionRepository
from application.storing.retry_schedule import RetrySchedule
from application.use_cases.erase_videos import EraseVideos
from application.use_cases.history import EraseHistory
from domain.detection import Detection, HistoryFilter
from domain.emotion import Emotion
from domain.face import Face, FaceDetection
from domain.geometry import BoundingBox
from domain.session import TrackedFace
from domain.tracking import FaceTrack
from domain.video import AnalysedFrame, Sampling, Video, VideoStatus

Fixture = Callable[[str], Any]
"""Gives the fixture of that name; ``request.getfixturevalue``."""

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
EVERYTHING = HistoryFilter()


def make_detection(
    *emotions: Emotion,
    user_id: str = "alice",
    timestamp: datetime = NOON,
    filename: str | None = "party.jpg",
    detection_id: UUID | None = None,
) -> Detection:
    """A detection with one face for each emotion."""
    found = FaceDetection(BoundingBox(10, 20, 80, 90), 0.9)
    return Detection(
        detection_id=detection_id or uuid4(),
        user_id=user_id,
        timestamp=timestamp,
        filename=filename,
        faces=tuple(Face(found, reading_of(emotion, found)) for emotion in emotions),
        processing_time_s=0.125,
        image_width=640,
        image_height=480,
    )


def make_video(
    user_id: str = "alice",
    *,
    submitted_at: datetime = NOON,
    status: VideoStatus = VideoStatus.QUEUED,
    filename: str | None = "interview.mp4",
) -> Video:
    """A queued video."""
    return Video(
        video_id=uuid4(),
        user_id=user_id,
        filename=filename,
        media_type="video/mp4",
        size_bytes=1234,
        submitted_at=submitted_at,
        sampling=Sampling(0.2, 1.0, 9.5),
        width=1280,
        height=720,
        duration_s=12.5,
        status=status,
    )


def make_frame(number: int, *emotions: Emotion) -> AnalysedFrame:
    """A sampled frame with a face for each emotion, side by side."""
    found = [
        FaceDetection(BoundingBox(10 + 100 * place, 20, 80, 90), 0.9)
        for place in range(len(emotions))
    ]
    readings = [reading_of(*pair) for pair in zip(emotions, found, strict=True)]
    return AnalysedFrame(
        number=number,
        time_s=number / 5,
        scene=number // 10,
        width=1280,
        height=720,
        faces=tuple(
            TrackedFace(FaceTrack(place + 1, face.box, face.confidence), reading)
            for place, (face, reading) in enumerate(zip(found, readings, strict=True))
        ),
        found=tuple(Face(*pair) for pair in zip(found, readings, strict=True)),
    )


async def records_of(
    repository: DetectionRepository,
    user_id: str = "alice",
    wanted: HistoryFilter = EVERYTHING,
    *,
    skip: int = 0,
    limit: int | None = None,
) -> list[Detection]:
    """The matching records of all parts."""
    parts = repository.iterate(user_id, wanted, skip=skip, limit=limit)
    return [record async for part in parts for record in part]


def erase_history(repository: DetectionRepository) -> EraseHistory:
    """Erases the histories in a repository that has neither images nor videos beside it."""
    videos = EraseVideos(
        repository=InMemoryVideoRepository(), store=InMemoryVideoStore(), history=repository
    )
    return EraseHistory(
        repository=repository,
        spool=InMemoryDetectionSpool(),
        images=InMemoryImageStore(),
        erase_videos=videos,
        retry_schedule=RetrySchedule(InMemoryClock()),
    )
