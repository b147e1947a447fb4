"""The record of one analysed image, session or video, and the filter of a history."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.emotion import Emotion
from domain.face import Face
from domain.session import SessionSummary
from domain.video import VideoDetails


class DetectionKind(StrEnum):
    """What was analysed."""

    IMAGE = "image"
    STREAM = "stream"
    VIDEO = "video"


class StorageStatus(StrEnum):
    """How far the storing of a detection is."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Detection:
    """One analysed image, or one realtime session or recorded video that was kept.

    For a session or video, ``faces`` holds one face per track (its last box and its mean scores),
    ``processing_time_s`` is the mean over its frames, and there is no image.

    Attributes:
        detection_id: unique, and unguessable (random).
        user_id: of its owner.
        timestamp: when it was analysed; with a time zone.
        filename: as the sender named it, or None.
        faces: largest face first; may be empty.
        processing_time_s: from the first byte decoded to the last score, in seconds.
        image_width: of the original in pixels, EXIF orientation applied.
        image_height: likewise.
        image_url: where the stored image is served; None until it is stored.
        storage: ``done`` once record and image are both stored.
        summary: the session's or video's summary; None for an image.
        video: details of a video; None for anything else.
    """

    detection_id: UUID
    user_id: str
    timestamp: datetime
    filename: str | None
    faces: tuple[Face, ...]
    processing_time_s: float
    image_width: int
    image_height: int
    image_url: str | None = None
    storage: StorageStatus = StorageStatus.PENDING
    summary: SessionSummary | None = None
    video: VideoDetails | None = None

    def __post_init__(self) -> None:
        if self.timestamp.tzinfo is None:
            raise ValueError("a detection's timestamp needs a time zone")

    @classmethod
    def of_summary(
        cls,
        detection_id: UUID,
        user_id: str,
        summary: SessionSummary,
        video: VideoDetails | None = None,
    ) -> Detection:
        """The record of a session, or of a video if its details are given."""
        return cls(
            detection_id=detection_id,
            user_id=user_id,
            timestamp=summary.started_at,
            filename=summary.video_source,
            faces=summary.faces,
            processing_time_s=summary.mean_processing_time_s,
            image_width=summary.width,
            image_height=summary.height,
            storage=StorageStatus.DONE,
            summary=summary,
            video=video,
        )

    @property
    def kind(self) -> DetectionKind:
        """Whether this is an image, a session or a video."""
        if self.video is not None:
            return DetectionKind.VIDEO
        return DetectionKind.IMAGE if self.summary is None else DetectionKind.STREAM

    @property
    def emotions(self) -> frozenset[Emotion]:
        """The dominant emotions of the faces: what ``keyword`` and ``emotion`` search."""
        return frozenset(face.dominant_emotion for face in self.faces)

    def stored_at(self, image_url: str) -> Detection:
        """The same record once its image is stored."""
        return replace(self, image_url=image_url, storage=StorageStatus.DONE)

    def storing_failed(self) -> Detection:
        """The same record after storing its image was given up."""
        return replace(self, storage=StorageStatus.FAILED)


@dataclass(frozen=True, slots=True)
class HistoryFilter:
    """A filter of a user's records; a field that is None does not restrict them.

    Attributes:
        from_date: earliest timestamp, inclusive; with a time zone.
        to_date: latest timestamp, inclusive; with a time zone.
        keyword: case-insensitive: part of the file name, or the word for the dominant emotion of
            any face.
        emotion: dominant emotion of any face.
    """

    from_date: datetime | None = None
    to_date: datetime | None = None
    keyword: str | None = None
    emotion: Emotion | None = None

    def __post_init__(self) -> None:
        for bound in (self.from_date, self.to_date):
            if bound is not None and bound.tzinfo is None:
                raise ValueError("the dates of a history filter need a time zone")

    def matches(self, detection: Detection) -> bool:
        """Whether a record matches; every repository has to agree with this."""
        if self.from_date is not None and detection.timestamp < self.from_date:
            return False
        if self.to_date is not None and detection.timestamp > self.to_date:
            return False
        if self.emotion is not None and self.emotion not in detection.emotions:
            return False
        if self.keyword is not None:
            word = self.keyword.casefold()
            in_name = word in (detection.filename or "").casefold()
            return in_name or any(word == emotion.value for emotion in detection.emotions)
        return True
