"""The formats of images and videos that are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A format of images or videos.

    Attributes:
        name: for people.
        media_type: for machines.
        suffixes: of file names, the usual one first.
    """

    name: str
    media_type: str
    suffixes: tuple[str, ...]


JPEG = FileFormat("JPEG", "image/jpeg", (".jpg", ".jpeg"))
PNG = FileFormat("PNG", "image/png", (".png",))
GIF = FileFormat("GIF", "image/gif", (".gif",))
WEBP = FileFormat("WebP", "image/webp", (".webp",))
BMP = FileFormat("BMP", "image/bmp", (".bmp",))
AVIF = FileFormat("AVIF", "image/avif", (".avif",))
HEIC = FileFormat("HEIC", "image/heic", (".heic", ".heif"))
TIFF = FileFormat("TIFF", "image/tiff", (".tiff", ".tif"))

MP4 = FileFormat("MP4", "video/mp4", (".mp4", ".m4v", ".3gp", ".3g2"))
MOV = FileFormat("MOV", "video/quicktime", (".mov", ".qt"))
WEBM = FileFormat("WebM", "video/webm", (".webm",))
MKV = FileFormat("MKV", "video/x-matroska", (".mkv",))
AVI = FileFormat("AVI", "video/x-msvideo", (".avi",))

IMAGE_FORMATS = (JPEG, PNG, GIF, WEBP, BMP, AVIF, HEIC, TIFF)
SHOWN_BY_BROWSERS = (JPEG, PNG, GIF, WEBP, BMP, AVIF)
"""Images that an ``<img>`` shows in every current browser."""
VIDEO_FORMATS = (MP4, MOV, WEBM, MKV, AVI)


def _in_words(formats: Sequence[FileFormat]) -> str:
    *others, last = (each.name for each in formats)
    return f"{', '.join(others)} and {last}"


# As answers and documents name them.
IMAGE_FORMATS_IN_WORDS = _in_words(IMAGE_FORMATS)
VIDEO_FORMATS_IN_WORDS = _in_words(VIDEO_FORMATS)
NOT_SHOWN_IN_WORDS = _in_words([each for each in IMAGE_FORMATS if each not in SHOWN_BY_BROWSERS])
