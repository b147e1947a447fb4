"""Images in memory."""

from __future__ import annotations

from uuid import UUID

from adapters.in_memory.controllable import Controllable
from application.ports.image_store import StoredImage
from domain.detection import Detection


class InMemoryImageStore(Controllable):
    """Keeps images in a dictionary."""

    def __init__(self, *, url_prefix: str = "/api/images") -> None:
        super().__init__()
        self._url_prefix = url_prefix
        self._images: dict[tuple[str, UUID], StoredImage] = {}

    def __len__(self) -> int:
        return len(self._images)

    async def put(self, owner_id: str, detection_id: UUID, image: StoredImage) -> str:
        await self._wait_or_fail()
        self._images[owner_id, detection_id] = image
        return f"{self._url_prefix}/{detection_id}"

    async def get(self, owner_id: str, detection_id: UUID) -> StoredImage | None:
        await self._wait_or_fail()
        return self._images.get((owner_id, detection_id))

    async def delete(self, owner_id: str, detection_id: UUID) -> None:
        await self._wait_or_fail()
        self._images.pop((owner_id, detection_id), None)

    def thumbnails(self, record: Detection) -> None:
        """None: it makes no thumbnails."""

    async def check(self) -> None:
        await self._wait_or_fail()
