"""Keeping the summary of a realtime session in the history."""

from __future__ import annotations

from uuid import uuid4

from application.storing.spooler import Spooler
from domain.detection import Detection, StorageStatus
from domain.stream import SessionSummary
from domain.user import User


class KeepSession:
    """Writes a session down as one record of its user. No picture of it is kept."""

    def __init__(self, spooler: Spooler) -> None:
        self._spooler = spooler

    async def execute(self, user: User, summary: SessionSummary) -> Detection:
        """Keep the session; a repository that is down gets it later.

        Raises:
            StoreUnavailable: this host's spool is full or broken.
        """
        faces = sorted(summary.tracks, key=lambda track: -track.box.area)
        detection = Detection(
            detection_id=uuid4(),
            user_id=user.user_id,
            timestamp=summary.started_at,
            filename=summary.video_source,
            faces=tuple(track.face for track in faces),
            processing_time_s=summary.mean_processing_time_s,
            image_width=summary.width,
            image_height=summary.height,
            storage=StorageStatus.DONE,
            stream=summary,
        )
        await self._spooler.accept(detection, None)
        return detection
