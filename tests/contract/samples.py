"""Records to keep in a store."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from adapters.in_memory import reading_of
from domain.detection import Detection
from domain.emotion import Emotion
from domain.face import Face, FaceDetection
from domain.geometry import BoundingBox

Fixture = Callable[[str], Any]
"""Gives the fixture of that name; ``request.getfixturevalue``."""

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


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
