"""Settings of uploads and of the images in work."""

from __future__ import annotations

from pydantic import Field

from entrypoints.settings.group import Group


class DetectionSettings(Group):
    """Uploads and the images in work."""

    max_upload_bytes: int = Field(default=5 * 2**20, ge=1024)
    max_batch_size: int = Field(default=12, ge=1, le=100)
    max_images_in_work: int = Field(default=32, ge=1, le=1000)

    @property
    def encoded_in_work_bytes(self) -> int:
        """Bytes that the images in work may have together as they were sent.

        Enough for four of the largest: more than two threads use at a time.
        """
        return 4 * self.max_upload_bytes
