"""The image store in Cloudinary."""

from __future__ import annotations

import io
from contextlib import closing
from uuid import UUID

import cloudinary.uploader

from adapters.cloudinary.client import CloudinaryClient, Unexpected
from adapters.cloudinary.urls import CloudinaryUrls
from application.ports.image_store import StoredImage
from domain.detection import Detection

# Uploads are much smaller; a foreign file in the account must not fill the memory.
_MAX_IMAGE_BYTES = 64 * 2**20


class CloudinaryImageStore:
    """Uploads, fetches and deletes images, each call on a thread of its own.

    Args:
        urls: names the images.
        client: makes the calls; is closed with the store.
    """

    def __init__(self, *, urls: CloudinaryUrls, client: CloudinaryClient) -> None:
        self._urls = urls
        self._client = client

    async def put(self, owner_id: str, detection_id: UUID, image: StoredImage) -> str:
        """Upload the image, replacing an earlier one of the same detection."""

        def upload() -> None:
            answer = cloudinary.uploader.upload(
                io.BytesIO(image.data),
                filename=f"image.{image.media_type.rpartition('/')[2]}",
                public_id=self._urls.public_id(owner_id, detection_id),
                type=self._urls.delivery_type,
                resource_type="image",
                overwrite=True,
                invalidate=True,
                **self._client.account,
            )
            # The SDK treats any JSON without an error as success, whatever the status.
            if not answer.get("public_id"):
                raise Unexpected("the answer does not confirm the upload")

        await self._client.run(upload)
        return self._urls.original(owner_id, detection_id)

    async def get(self, owner_id: str, detection_id: UUID) -> StoredImage | None:
        """Download the image."""
        url = self._urls.original(owner_id, detection_id)

        def download() -> StoredImage | None:
            # Closing skips the unread rest; a connection that was read to its end is reused.
            with closing(
                self._client.delivery.request("GET", url, preload_content=False)
            ) as response:
                if response.status == 404:
                    return None
                media_type = response.headers.get("Content-Type", "")
                if response.status != 200 or not media_type.startswith("image/"):
                    raise Unexpected(f"status {response.status}, {media_type}")
                data = response.read(_MAX_IMAGE_BYTES + 1)
                if len(data) > _MAX_IMAGE_BYTES:
                    raise Unexpected(f"more than {_MAX_IMAGE_BYTES} bytes")
                return StoredImage(data, media_type)

        return await self._client.run(download)

    async def delete(self, owner_id: str, detection_id: UUID) -> None:
        """Delete the image, also from the caches of the delivery network."""
        public_id = self._urls.public_id(owner_id, detection_id)
        await self._client.run(
            lambda: self._client.destroy(
                public_id, delivery_type=self._urls.delivery_type, resource_type="image"
            )
        )

    def thumbnails(self, record: Detection) -> tuple[str, list[str]] | None:
        """The URLs of a thumbnail and of a crop of each face."""
        owner_id, key = record.user_id, record.detection_id
        if record.image_url != self._urls.original(owner_id, key):
            return None  # It is not stored yet, or was imported and is stored elsewhere.
        crops = [self._urls.face_crop(owner_id, key, face.detection.box) for face in record.faces]
        return self._urls.thumbnail(owner_id, key), crops

    async def check(self) -> None:
        """Ping Cloudinary, unless a call succeeded within the last minute."""
        await self._client.check()

    def close(self) -> None:
        """Stop the threads after their calls."""
        self._client.close()
