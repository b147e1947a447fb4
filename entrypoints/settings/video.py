"""Settings of recorded video."""

from __future__ import annotations

from pydantic import Field

from domain.video import VideoLimits
from entrypoints.settings.group import Group


class VideoSettings(Group):
    """The limits of videos, and how many are analysed at once."""

    max_video_mb: int = Field(default=200, ge=1, le=100_000)
    max_video_minutes: float = Field(default=60.0, gt=0, le=10_000)
    max_videos_per_user: int = Field(default=5, ge=1, le=1000)
    video_workers: int = Field(default=1, ge=0, le=16)

    @property
    def limits(self) -> VideoLimits:
        """The limits for one video and for one user."""
        return VideoLimits(
            max_bytes=self.max_video_mb * 2**20,
            max_duration_s=self.max_video_minutes * 60,
            max_unfinished=self.max_videos_per_user,
        )
