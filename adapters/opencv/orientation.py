"""The EXIF orientation of an image, and turning it upright."""

from __future__ import annotations

import struct

import cv2
import numpy as np
from numpy.typing import NDArray

UPRIGHT = 1

_PREFIX = b"Exif\0"
_TAG = 0x0112
_ENTRY_BYTES = 12
_MAX_ENTRIES = 256  # cameras write a few dozen, and the orientation near the beginning
# How the type of a tag is read; some programs write the orientation as a byte or a long integer.
_TYPES = {1: "B", 3: "H", 4: "I"}
_TRANSPOSED = frozenset({5, 6, 7, 8})
_FLIP_AFTER_TRANSPOSING = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}


def orientation_in(exif: bytes) -> int:
    """The orientation in EXIF data, 1 to 8; 1 if it cannot be read.

    Args:
        exif: a TIFF header and what follows it, with or without ``Exif``, a zero and a byte of
            padding before it.
    """
    if exif.startswith(_PREFIX):
        exif = exif[len(_PREFIX) + 1 :]
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return UPRIGHT
    try:
        (at,) = struct.unpack_from(order + "I", exif, 4)
        (entries,) = struct.unpack_from(order + "H", exif, at)
        end = at + 2 + min(entries, _MAX_ENTRIES) * _ENTRY_BYTES
        for entry in range(at + 2, end, _ENTRY_BYTES):
            tag, kind = struct.unpack_from(order + "HH", exif, entry)
            if tag == _TAG and kind in _TYPES:
                (value,) = struct.unpack_from(order + _TYPES[kind], exif, entry + 8)
                return int(value) if UPRIGHT <= value <= 8 else UPRIGHT
    except struct.error:  # damaged metadata must not make the image unreadable
        pass
    return UPRIGHT


def upright_size(width: int, height: int, orientation: int) -> tuple[int, int]:
    """Width and height of the upright image."""
    return (height, width) if orientation in _TRANSPOSED else (width, height)


def upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """The pixels turned and mirrored as the orientation says."""
    if orientation in _TRANSPOSED:
        pixels = cv2.transpose(pixels)
    if orientation in _FLIP_AFTER_TRANSPOSING:
        cv2.flip(pixels, _FLIP_AFTER_TRANSPOSING[orientation], dst=pixels)
    return pixels
