"""Finding a second video in a file that was joined byte by byte.

FFmpeg ends such a file, in silence, where the second one begins.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from adapters.av.fragments import stated_size

_MIN_BOX_BYTES, _BOX_BYTES = 8, 16
"""Of a box without content, and of the head of a large one."""
_MAX_BOXES = 10_000
_EBML = b"\x1aE\xdf\xa3"
_EBML_BYTES = 64
_KINDS = (b"matroska", b"webm")
_CHUNK_BYTES = 2**20


def holds_another(path: Path, demuxer: str) -> bool:
    """Whether another video begins behind the first one; blocks.

    Parts of a fragmented MP4 file may begin as files do, and are read.

    Args:
        path: of the file.
        demuxer: FFmpeg's name of its format.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        if demuxer.startswith("matroska"):
            return _has_second_header(file)
        return demuxer.startswith("mov") and _has_second_type(file)


def _has_second_header(file: BinaryIO) -> bool:
    """Whether an MKV or WebM file has a header, with the kind of the file, behind its own."""
    file.seek(len(_EBML))
    kept = b""
    while chunk := file.read(_CHUNK_BYTES):
        content = kept + chunk
        at = content.find(_EBML)
        while at >= 0:
            if any(kind in content[at : at + _EBML_BYTES] for kind in _KINDS):
                return True
            at = content.find(_EBML, at + 1)
        kept = content[-_EBML_BYTES:]
    return False


def _has_second_type(file: BinaryIO) -> bool:
    """Whether an MP4 file says twice what it is before the first fragment."""
    at, types = 0, 0
    for _ in range(_MAX_BOXES):
        file.seek(at)
        head = file.read(_BOX_BYTES)
        size, name = stated_size(head, 0), head[4:8]  # nothing is behind one that lasts to the end
        # The end of the file, no box, or fragments, which may repeat what the file is.
        if size < _MIN_BOX_BYTES or name == b"moof":
            break
        types += name == b"ftyp"
        at += size
    return types > 1
