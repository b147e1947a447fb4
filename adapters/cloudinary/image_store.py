"""The image store in Cloudinary."""

from __future__ import annotations

import io
from contextlib import closing
from uuid import UUID

import cloudinary.uploader

from adapters.cloudinary.client import CloudinaryClient, Unexpected
from adapters.cloudinary.urls import CloudinaryUrls
from application.ports.image_store import StoredImage

# No upload comes near it; a file that somebody else put there shall not fill the memory.
_LARGEST_IMAGE = 64 * 1024 * 1024


class CloudinaryImageStore:
    """Uploads, fetches and deletes images, each call on a thread of its own.

    Args:
        urls: names the images.
        client: calls; is closed with the store.
    """

    def __init__(self, *, urls: CloudinaryUrls, client: CloudinaryClient) -> None:
        self._urls = urls
        self._client = client

    async def put(self, owner_id: str, detection_id: UUID, image: StoredImage) -> str:
        """Upload the image, over an earlier one of the same detection."""

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
            # The SDK takes every JSON without an error in it for success, whatever its status.
            if not answer.get("public_id"):
                raise Unexpected("nothing says that the image is kept")

        await self._client.run(upload)
        return self._urls.original(owner_id, detection_id)

    async def get(self, owner_id: str, detection_id: UUID) -> StoredImage | None:
        """Download the image."""
        url = self._urls.original(owner_id, detection_id)

        def download() -> StoredImage | None:
            # Closing spares reading what is not wanted; a connection read to its end lives on.
            with closing(
                self._client.delivery.request("GET", url, preload_content=False)
            ) as response:
                if response.status == 404:
                    return None
                media_type = response.headers.get("Content-Type", "")
                if response.status != 200 or not media_type.startswith("image/"):
                    raise Unexpected(f"status {response.status}, {media_type}")
                data = response.read(_LARGEST_IMAGE + 1)
                if len(data) > _LARGEST_IMAGE:
                    raise Unexpected(f"more than {_LARGEST_IMAGE} bytes")
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

    async def check(self) -> None:
        """Ask for a sign of life, unless there was one within the last minute."""
        await self._client.check()

    def close(self) -> None:
        """End the threads once their calls are done."""
        self._client.close()
