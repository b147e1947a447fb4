"""Keeping the summary of a realtime session in the history."""

from __future__ import annotations

from uuid import uuid4

from application.ports.detection_repository import DetectionRepository
from domain.detection import Detection, StorageStatus
from domain.face import Face, FaceDetection
from domain.stream import SessionSummary
from domain.user import User


class KeepSession:
    """Writes a session down as one record of its user. No picture of it is kept."""

    def __init__(self, repository: DetectionRepository) -> None:
        self._repository = repository

    async def execute(self, user: User, summary: SessionSummary) -> Detection:
        """Keep the session.

        Raises:
            StoreUnavailable: the repository does not take it.
        """
        faces = sorted(summary.tracks, key=lambda track: -track.box.area)
        detection = Detection(
            detection_id=uuid4(),
            user_id=user.user_id,
            timestamp=summary.started_at,
            filename=summary.video_source,
            faces=tuple(
                Face(FaceDetection(track.box, track.confidence), track.reading) for track in faces
            ),
            processing_time_s=summary.mean_processing_time_s,
            image_width=summary.width,
            image_height=summary.height,
            storage=StorageStatus.DONE,
            stream=summary,
        )
        await self._repository.add(detection)
        return detection
