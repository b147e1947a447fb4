"""Recognising the format of a video file by its first bytes."""

from __future__ import annotations

from pathlib import Path

from domain.errors import InvalidVideo
from domain.video import READ_VIDEO_FORMATS

HEAD_BYTES = 64
"""How many first bytes of a file the functions here need."""

_MATROSKA = b"\x1aE\xdf\xa3"
_QUICKTIME_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"})

# HEIC and AVIF images are in the same container.
_IMAGE_BRANDS = frozenset(
    {b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
)


def demuxer_of(head: bytes) -> str | None:
    """The FFmpeg demuxer that reads files beginning like this; None for all other files.

    MP4 and MOV, WebM and MKV, and AVI. FFmpeg's own guess is not used, because it includes
    playlists and scripts that name other files and addresses.
    """
    if head[4:8] in _QUICKTIME_BOXES:
        is_image = head[4:8] == b"ftyp" and head[8:12] in _IMAGE_BRANDS
        return None if is_image else "mov"
    if head.startswith(_MATROSKA):
        return "matroska"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi"
    return None


def media_type_of(head: bytes) -> str:
    """The media type of a file for which there is a demuxer."""
    demuxer = demuxer_of(head)
    if demuxer == "mov":
        return "video/quicktime" if head[8:12] == b"qt  " else "video/mp4"
    if demuxer == "matroska":
        return "video/webm" if b"webm" in head else "video/x-matroska"
    return "video/x-msvideo"


def format_of(path: Path) -> tuple[str, str]:
    """The FFmpeg demuxer and the media type of a file, by its first bytes.

    Raises:
        InvalidVideo: it is not a video in a supported format.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    demuxer = demuxer_of(head)
    if demuxer is None:
        what = f"this is not a video in a supported format: {READ_VIDEO_FORMATS}"
        raise InvalidVideo(what if head else "the file is empty", reason="unsupported")
    return demuxer, media_type_of(head)
