"""The names of images in Cloudinary, and the URLs that deliver them and their thumbnails."""

from __future__ import annotations

import hashlib
from urllib.parse import urlsplit
from uuid import UUID

import cloudinary.utils

from domain.geometry import BoundingBox

_THUMBNAIL_SIZE = (320, 240)
_FACE_SIDE_PX = 160


class CloudinaryUrls:
    """Names images and makes their URLs, without calling Cloudinary.

    Args:
        cloud_name: of the account.
        api_secret: signs the URLs of images that are not public.
        folder: holds all images, in one folder per user.
        is_authenticated: whether images need a signed URL. Such a URL does not expire:
            everybody who has it can see the image.
        delivery_url: the URL that delivers images: Cloudinary's, or a host name of your own in
            front of it.
    """

    def __init__(
        self,
        *,
        cloud_name: str,
        api_secret: str,
        folder: str,
        is_authenticated: bool,
        delivery_url: str,
    ) -> None:
        self._folder = folder.strip("/")
        host = urlsplit(delivery_url)
        secure = host.scheme == "https"
        self._options = {
            "cloud_name": cloud_name,
            "api_secret": api_secret,
            "type": "authenticated" if is_authenticated else "upload",
            "sign_url": is_authenticated,
            "secure": secure,
            "secure_distribution" if secure else "cname": host.netloc,
        }

    @property
    def delivery_type(self) -> str:
        """Cloudinary's word for who may see the images: ``upload`` or ``authenticated``."""
        return str(self._options["type"])

    def public_id(self, owner_id: str, detection_id: UUID) -> str:
        """The name of an image, which does not reveal its owner."""
        digest = hashlib.sha256(owner_id.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{self._folder}/{digest[:32]}/{detection_id}"

    def original(self, owner_id: str, detection_id: UUID) -> str:
        """The URL of the image as it was uploaded; always the same for an image."""
        return self._url(owner_id, detection_id)

    def thumbnail(self, owner_id: str, detection_id: UUID) -> str:
        """The URL of a thumbnail, centred on a face if there is one."""
        width, height = _THUMBNAIL_SIZE
        return self._url(
            owner_id,
            detection_id,
            {"width": width, "height": height, "crop": "thumb", "gravity": "face"},
            {"quality": "auto", "fetch_format": "auto"},
        )

    def face_crop(self, owner_id: str, detection_id: UUID, box: BoundingBox) -> str:
        """The URL of a square crop of one face."""
        return self._url(
            owner_id,
            detection_id,
            {"x": box.x, "y": box.y, "width": box.width, "height": box.height, "crop": "crop"},
            {"width": _FACE_SIDE_PX, "height": _FACE_SIDE_PX, "crop": "fill"},
            {"quality": "auto", "fetch_format": "auto"},
        )

    def video(self, owner_id: str, video_id: UUID) -> str:
        """The URL of a video file as it was uploaded."""
        url, _ = cloudinary.utils.cloudinary_url(
            self.public_id(owner_id, video_id), resource_type="video", **self._options
        )
        return str(url)

    def _url(self, owner_id: str, detection_id: UUID, *transformation: dict[str, object]) -> str:
        url, _ = cloudinary.utils.cloudinary_url(
            self.public_id(owner_id, detection_id),
            transformation=list(transformation),
            **self._options,
        )
        return str(url)
