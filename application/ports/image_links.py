"""The addresses of thumbnails of stored images."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from domain.geometry import BoundingBox


class ImageLinks(Protocol):
    """Makes addresses of thumbnails that the image store itself produces; does not call the store.

    An address works only while the image is kept in that store.
    """

    def original(self, owner_id: str, detection_id: UUID) -> str:
        """The address that ``ImageStore.put`` returns for the same image."""
        ...

    def thumbnail(self, owner_id: str, detection_id: UUID) -> str:
        """The address of a thumbnail, centred on a face if there is one."""
        ...

    def face_crop(self, owner_id: str, detection_id: UUID, box: BoundingBox) -> str:
        """The address of a square crop of one face.

        Args:
            owner_id: whose image it is.
            detection_id: which.
            box: around the face, in pixels of the upright image.
        """
        ...
