"""Recognising the format of a video file by its first bytes."""

from __future__ import annotations

from pathlib import Path

from adapters.image_formats import IMAGE_BRANDS
from domain.errors import InvalidVideo
from domain.formats import AVI, MKV, MOV, MP4, VIDEO_FORMATS_IN_WORDS, WEBM, FileFormat

HEAD_BYTES = 64
"""How many bytes of a file ``format_of`` needs, from its beginning."""

_MATROSKA = b"\x1aE\xdf\xa3"
_QUICKTIME_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"})


def format_of(head: bytes) -> FileFormat | None:
    """Recognise the format of a video by its first bytes.

    FFmpeg's own guess is not used, because it includes playlists and scripts that name other files
    and addresses.

    Args:
        head: the first ``HEAD_BYTES`` bytes of the file; fewer if it is shorter.

    Returns:
        The format; None if it is not a supported one.
    """
    if head[4:8] in _QUICKTIME_BOXES:
        if head[4:8] == b"ftyp" and head[8:12] in IMAGE_BRANDS:
            return None
        return MOV if head[8:12] == b"qt  " else MP4
    if head.startswith(_MATROSKA):
        return WEBM if b"webm" in head else MKV
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return AVI
    return None


def format_of_file(path: Path) -> FileFormat:
    """Recognise the format of a video file by its first bytes; blocks.

    Raises:
        InvalidVideo: it is not a video in a supported format.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    found = format_of(head)
    if found is None:
        what = f"this is not a video in a supported format: {VIDEO_FORMATS_IN_WORDS}"
        raise InvalidVideo(what if head else "the file is empty", reason="unsupported")
    return found
