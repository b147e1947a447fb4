"""Where uploaded images are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from domain.detection import Detection


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image as it was uploaded.

    Attributes:
        data: the encoded bytes.
        media_type: for example ``image/jpeg``.
    """

    data: bytes
    media_type: str


class ImageStore(Protocol):
    """Keeps one image per detection, by owner."""

    async def put(self, owner_id: str, detection_id: UUID, image: StoredImage) -> str:
        """Keep the image and return its URL.

        Putting the same detection's image again replaces it and gives the same URL. A URL that
        begins with ``/`` is a path of this service, open to the owner and to signed links.

        Raises:
            StoreUnavailable: it could not be kept; trying again later may help.
        """
        ...

    async def get(self, owner_id: str, detection_id: UUID) -> StoredImage | None:
        """The image, or None when this owner has none of that detection.

        Raises:
            StoreUnavailable: the store cannot be asked.
        """
        ...

    async def delete(self, owner_id: str, detection_id: UUID) -> None:
        """Delete the image; a missing one is not an error.

        Raises:
            StoreUnavailable: the store cannot be asked.
        """
        ...

    def thumbnails(self, record: Detection) -> tuple[str, list[str]] | None:
        """The URLs of a thumbnail of a record's image, centred on a face if there is one, and of a
        square crop of each of its faces.

        Does not call the store. The URLs work while the image is kept in it.

        Returns:
            None if the store makes no thumbnails, or does not keep the image.
        """
        ...

    async def check(self) -> None:
        """Check with little effort that the store works.

        Raises:
            StoreUnavailable: it does not work.
        """
        ...
