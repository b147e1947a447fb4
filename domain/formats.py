"""The formats of images and videos that are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImageFormat:
    """A format of images.

    Attributes:
        name: for people.
        media_type: for machines.
        suffixes: of file names, the usual one first.
        is_shown_by_browsers: whether an ``<img>`` shows it in every current browser.
    """

    name: str
    media_type: str
    suffixes: tuple[str, ...]
    is_shown_by_browsers: bool = True


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """A format of videos; its attributes are those of ``ImageFormat``."""

    name: str
    media_type: str
    suffixes: tuple[str, ...]


JPEG = ImageFormat("JPEG", "image/jpeg", (".jpg", ".jpeg"))
PNG = ImageFormat("PNG", "image/png", (".png",))
GIF = ImageFormat("GIF", "image/gif", (".gif",))
WEBP = ImageFormat("WebP", "image/webp", (".webp",))
BMP = ImageFormat("BMP", "image/bmp", (".bmp",))
AVIF = ImageFormat("AVIF", "image/avif", (".avif",))
HEIC = ImageFormat("HEIC", "image/heic", (".heic", ".heif"), is_shown_by_browsers=False)
TIFF = ImageFormat("TIFF", "image/tiff", (".tiff", ".tif"), is_shown_by_browsers=False)

MP4 = VideoFormat("MP4", "video/mp4", (".mp4", ".m4v", ".3gp", ".3g2"))
MOV = VideoFormat("MOV", "video/quicktime", (".mov", ".qt"))
WEBM = VideoFormat("WebM", "video/webm", (".webm",))
MKV = VideoFormat("MKV", "video/x-matroska", (".mkv",))
AVI = VideoFormat("AVI", "video/x-msvideo", (".avi",))

IMAGE_FORMATS = (JPEG, PNG, GIF, WEBP, BMP, AVIF, HEIC, TIFF)
VIDEO_FORMATS = (MP4, MOV, WEBM, MKV, AVI)


def _in_words(formats: Sequence[ImageFormat | VideoFormat]) -> str:
    *others, last = (each.name for each in formats)
    return f"{', '.join(others)} and {last}"


# As answers and documents name them.
READ_IMAGE_FORMATS = _in_words(IMAGE_FORMATS)
READ_VIDEO_FORMATS = _in_words(VIDEO_FORMATS)
