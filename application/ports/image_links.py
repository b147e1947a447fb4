"""Where small pictures of stored images are delivered."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from domain.geometry import BoundingBox


class ImageLinks(Protocol):
    """Addresses of pictures that an image store cuts by itself; made without asking it.

    They show something only where the image is kept in that store.
    """

    def original(self, owner_id: str, detection_id: UUID) -> str:
        """The address ``ImageStore.put`` tells of the same image."""
        ...

    def thumbnail(self, owner_id: str, detection_id: UUID) -> str:
        """The address of a small picture, centred on a face if there is one."""
        ...

    def face_crop(self, owner_id: str, detection_id: UUID, box: BoundingBox) -> str:
        """The address of a square picture of one face.

        Args:
            owner_id: whose image it is.
            detection_id: which.
            box: around the face, in pixels of the upright image.
        """
        ...
