"""The video store in Cloudinary."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from pathlib import Path
from uuid import UUID

import cloudinary.uploader
import urllib3

from adapters.cloudinary.client import CloudinaryClient, Unexpected
from adapters.cloudinary.urls import CloudinaryUrls
from application.errors import StoreUnavailable
from application.ports.video_store import VideoPart
from application.work.cancellation import uninterrupted

_CHUNK_BYTES = 2**17
# Cloudinary accepts a large file in parts of at least 5 MB. A part is in memory while it is sent.
_PART_BYTES = 6_000_000

Received = Callable[[AsyncIterator[bytes]], AbstractAsyncContextManager[Path]]


class CloudinaryVideoStore:
    """Uploads videos in parts, and downloads them whole or in part.

    Args:
        urls: names the files.
        client: makes the calls; is closed with the store.
        received: writes uploads into files on this host.
    """

    def __init__(
        self, *, urls: CloudinaryUrls, client: CloudinaryClient, received: Received
    ) -> None:
        self._urls = urls
        self._client = client
        self.received = received

    async def put(self, owner_id: str, video_id: UUID, received: Path) -> None:
        """Upload a file, replacing an earlier one of the same video."""

        def upload() -> None:
            answer = cloudinary.uploader.upload_large(
                str(received),
                filename="video",
                public_id=self._urls.public_id(owner_id, video_id),
                type=self._urls.delivery_type,
                resource_type="video",
                chunk_size=_PART_BYTES,
                overwrite=True,
                invalidate=True,
                **self._client.account,
            )
            if not answer or not answer.get("public_id"):
                raise Unexpected("the answer does not confirm the upload")

        try:
            await self._client.run(upload)
        except OSError as error:
            raise StoreUnavailable("the folder for videos cannot be used") from error

    @asynccontextmanager
    async def local(self, owner_id: str, video_id: UUID) -> AsyncIterator[Path | None]:
        """Download the file into the folder for temporary files."""
        part = await self.read(owner_id, video_id)
        if part is None:
            yield None
            return
        async with self.received(part.chunks) as path:
            yield path

    async def read(
        self, owner_id: str, video_id: UUID, *, start: int = 0, end: int | None = None
    ) -> VideoPart | None:
        """Download a part of the file."""
        size = await self._size(owner_id, video_id)
        if size is None:
            return None
        start = min(start, size)
        end = size if end is None else max(min(end, size), start)
        return VideoPart(start, end, size, self._chunks(owner_id, video_id, start, end))

    async def delete(self, owner_id: str, video_id: UUID) -> None:
        """Delete the file, also from the caches of the delivery network."""
        public_id = self._urls.public_id(owner_id, video_id)
        await self._client.run(
            lambda: self._client.destroy(
                public_id, delivery_type=self._urls.delivery_type, resource_type="video"
            )
        )

    def close(self) -> None:
        """Stop the threads after their calls."""
        self._client.close()

    async def _size(self, owner_id: str, video_id: UUID) -> int | None:
        url = self._urls.video(owner_id, video_id)

        def ask() -> int | None:
            # A request for one byte returns the total size; some caches answer HEAD without it.
            with closing(
                self._client.delivery.request(
                    "GET", url, headers={"Range": "bytes=0-0"}, preload_content=False
                )
            ) as response:
                if response.status == 404:
                    return None
                size = response.headers.get("Content-Range", "").rpartition("/")[2]
                if response.status != 206 or not size.isdecimal():
                    raise Unexpected(f"status {response.status}, no size")
                return int(size)

        return await self._client.run(ask)

    async def _chunks(
        self, owner_id: str, video_id: UUID, start: int, end: int
    ) -> AsyncIterator[bytes]:
        if start == end:
            return
        url = self._urls.video(owner_id, video_id)
        asked = {"Range": f"bytes={start}-{end - 1}"}

        def ask() -> urllib3.BaseHTTPResponse:
            response = self._client.delivery.request(
                "GET", url, headers=asked, preload_content=False
            )
            if response.status != 206:
                response.close()
                raise Unexpected(f"status {response.status}")
            return response

        response = await self._client.run(ask)
        left = end - start
        try:
            while left > 0:
                chunk = await self._client.run(lambda: response.read(_CHUNK_BYTES))
                if not chunk:
                    raise StoreUnavailable("the video store closed the connection")
                chunk = chunk[:left]
                left -= len(chunk)
                yield chunk
        finally:
            await uninterrupted(asyncio.to_thread(response.close))
