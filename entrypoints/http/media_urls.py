"""The URLs of images and videos: absolute, signed, and new for each answer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import Request
from litestar.di import NamedDependency
from litestar.types import Scope

from application.accounts.links import LinkSigner
from domain.detection import Detection
from domain.video import Video, VideoStatus
from entrypoints.settings import Settings

# A name, an IPv4 or an IPv6 address, and a port. Anything else is not a host.
_HOST = re.compile(r"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class MediaUrls:
    """Makes the URLs of images and videos for one answer.

    Attributes:
        origin: where the client reaches the service, such as ``https://emotions.example.com``.
        images_path: the path that images are served under.
        videos_path: likewise of videos.
        signer: signs the links.
    """

    origin: str
    images_path: str
    videos_path: str
    signer: LinkSigner

    def of_image(self, record: Detection) -> str | None:
        """The URL that shows the record's image; None if none is stored.

        An image that this service keeps itself gets a signed link. One in Cloudinary has a URL
        already.
        """
        if record.image_url is None or not record.image_url.startswith("/"):
            return record.image_url
        return self._sign(image_path(self.images_path, record.detection_id))

    def of_video(self, video: Video) -> str | None:
        """The URL that plays a video's file; None if it is being erased."""
        if video.status is VideoStatus.CANCELLED:
            return None
        return self._sign(video_path(self.videos_path, video.video_id))

    def _sign(self, path: str) -> str:
        signature = self.signer.sign(path)
        query = urlencode({"expires": signature.expires, "signature": signature.value})
        return f"{self.origin}{path}?{query}"


async def media_urls(
    request: Request[Any, Any, Any],
    settings: NamedDependency[Settings],
    link_signer: NamedDependency[LinkSigner],
) -> MediaUrls:
    """A dependency of handlers: URLs for the client of this request."""
    origin = settings.server.public_url or called_origin(request.scope)
    server = settings.server
    return MediaUrls(origin, server.images_path, server.videos_path, link_signer)


def image_path(images_path: str, detection_id: UUID) -> str:
    """The path of an image, as links are signed for it however the id was written."""
    return f"{images_path}/{detection_id}"


def video_path(videos_path: str, video_id: UUID) -> str:
    """The path of a video's file, as links are signed for it however the id was written."""
    return f"{videos_path}/{video_id}/file"


def called_origin(scope: Scope) -> str:
    """The scheme and host that the client called.

    The scheme follows ``X-Forwarded-Proto`` where the server trusts the proxy that sent it. The
    host is what the client sent, and goes back to that client only; it is not kept.
    """
    scheme = "https" if scope["scheme"] in {"https", "wss"} else "http"
    sent = next((value for name, value in scope["headers"] if name == b"host"), b"")
    host = sent.decode("latin-1")
    if not _HOST.fullmatch(host):
        host = _listening(scope)
    return f"{scheme}://{host}"


def _listening(scope: Scope) -> str:
    """The server's own address, for clients of HTTP/1.0 that name no host."""
    name, port = scope["server"] or ("localhost", None)
    name = f"[{name}]" if ":" in name else name
    return name if port is None else f"{name}:{port}"
