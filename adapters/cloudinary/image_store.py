"""The image store in Cloudinary."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TypeVar
from uuid import UUID

import cloudinary.api
import cloudinary.exceptions
import cloudinary.uploader
import urllib3

from adapters.circuit_breaker import CircuitBreaker, CircuitOpen
from adapters.cloudinary.urls import CloudinaryUrls
from application.errors import StoreCircuitOpen, StoreUnavailable
from application.ports.image_store import StoredImage

_Result = TypeVar("_Result")

# Ping counts against the account's few hundred calls an hour, and readiness is asked for often.
_ANSWER_STANDS_S = 60.0
# No upload comes near it; a file that somebody else put there shall not fill the memory.
_LARGEST_IMAGE = 64 * 1024 * 1024


class _Unexpected(Exception):
    """The answer is not what was asked for."""


class _Refused(Exception):
    """Cloudinary understood the request and does not do what it asks."""


_FAULTS = (cloudinary.exceptions.Error, urllib3.exceptions.HTTPError, _Unexpected)


class CloudinaryImageStore:
    """Uploads, fetches and deletes images, each call on a thread of its own.

    Args:
        urls: names the images.
        cloud_name: of the account.
        api_key: of the account.
        api_secret: signs what is asked; never shown.
        timeout_s: how long connecting, and then each silence of the other side, may take.
        threads: calls at once.
        breaker: watches the calls.
        upload_prefix: where Cloudinary's API is; None for the usual place.
    """

    def __init__(
        self,
        *,
        urls: CloudinaryUrls,
        cloud_name: str,
        api_key: str,
        api_secret: str,
        timeout_s: float,
        breaker: CircuitBreaker,
        threads: int = 4,
        upload_prefix: str | None = None,
    ) -> None:
        self._urls = urls
        self._breaker = breaker
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="cloudinary")
        self._delivery = urllib3.PoolManager(
            maxsize=threads, timeout=urllib3.Timeout(timeout_s), retries=False
        )
        # Given with every call: the SDK's own configuration is global and read from anywhere.
        self._account = {
            "cloud_name": cloud_name,
            "api_key": api_key,
            "api_secret": api_secret,
            "timeout": timeout_s,
            **({"upload_prefix": upload_prefix.rstrip("/")} if upload_prefix else {}),
        }

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
                **self._account,
            )
            # The SDK takes every JSON without an error in it for success, whatever its status.
            if not answer.get("public_id"):
                raise _Unexpected("nothing says that the image is kept")

        await self._run(upload)
        return self._urls.original(owner_id, detection_id)

    async def get(self, owner_id: str, detection_id: UUID) -> StoredImage | None:
        """Download the image."""
        url = self._urls.original(owner_id, detection_id)

        def download() -> StoredImage | None:
            # Closing spares reading what is not wanted; a connection read to its end lives on.
            with closing(self._delivery.request("GET", url, preload_content=False)) as response:
                if response.status == 404:
                    return None
                media_type = response.headers.get("Content-Type", "")
                if response.status != 200 or not media_type.startswith("image/"):
                    raise _Unexpected(f"status {response.status}, {media_type}")
                data = response.read(_LARGEST_IMAGE + 1)
                if len(data) > _LARGEST_IMAGE:
                    raise _Unexpected(f"more than {_LARGEST_IMAGE} bytes")
                return StoredImage(data, media_type)

        return await self._run(download)

    async def delete(self, owner_id: str, detection_id: UUID) -> None:
        """Delete the image, also from the caches of the delivery network."""

        def destroy() -> None:
            answer = cloudinary.uploader.destroy(
                self._urls.public_id(owner_id, detection_id),
                type=self._urls.delivery_type,
                resource_type="image",
                invalidate=True,
                **self._account,
            )
            if answer.get("result") not in ("ok", "not found"):
                raise _Unexpected("nothing says that the image is gone")

        await self._run(destroy)

    async def check(self) -> None:
        """Ask for a sign of life, unless there was one within the last minute."""
        if not self._breaker.answered_within(_ANSWER_STANDS_S):
            await self._run(lambda: cloudinary.api.ping(**self._account))

    def close(self) -> None:
        """End the threads once their calls are done."""
        self._threads.shutdown(wait=False)
        self._delivery.clear()

    async def _run(self, call: Callable[[], _Result]) -> _Result:
        loop = asyncio.get_running_loop()
        try:
            with self._breaker.guard(*_FAULTS):
                return await loop.run_in_executor(self._threads, _answered, call)
        except CircuitOpen as error:
            raise StoreCircuitOpen(
                "the image store does not answer", retry_after_s=error.retry_after_s
            ) from error
        except _FAULTS as error:
            raise StoreUnavailable("the image store does not answer") from error
        except _Refused as error:
            raise StoreUnavailable("the image store refuses the image") from error


def _answered(call: Callable[[], _Result]) -> _Result:
    """Tell an objection to this one request from a store that does not work."""
    try:
        return call()
    except (cloudinary.exceptions.BadRequest, cloudinary.exceptions.NotFound) as error:
        raise _Refused("the request was refused") from error
    except _FAULTS:
        raise
    except Exception as error:  # what the SDK makes of a status or a JSON it does not know
        raise _Unexpected("the answer makes no sense") from error
