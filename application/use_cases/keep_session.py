"""Keeping the summary of a live session in the history."""

from __future__ import annotations

from uuid import uuid4

from application.storing.spooler import Spooler
from domain.detection import Detection, StorageStatus
from domain.session import SessionSummary
from domain.user import User


class KeepSession:
    """Keeps a session as one record of its user. Its frames are not kept."""

    def __init__(self, spooler: Spooler) -> None:
        self._spooler = spooler

    async def execute(self, user: User, summary: SessionSummary) -> Detection:
        """Keep the session; if the repository is down, it is stored later.

        Raises:
            StoreUnavailable: this host's spool is full or broken.
        """
        detection = Detection(
            detection_id=uuid4(),
            user_id=user.user_id,
            timestamp=summary.started_at,
            filename=summary.video_source,
            faces=summary.faces,
            processing_time_s=summary.mean_processing_time_s,
            image_width=summary.width,
            image_height=summary.height,
            storage=StorageStatus.DONE,
            summary=summary,
        )
        await self._spooler.accept(detection, None)
        return detection
