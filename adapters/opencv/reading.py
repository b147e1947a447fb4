"""Decoding the bytes of an image, in this process or in the decoding process."""

from __future__ import annotations

import re

import numpy as np

from adapters.image_formats import describe_foreign, format_of
from adapters.opencv import bmp, jpeg, png, webp
from adapters.opencv.encoded import (
    Damaged,
    DecodingLimits,
    Header,
    Truncated,
    Unsupported,
)
from adapters.opencv.orientation import upright, upright_size
from domain.errors import DomainError, InvalidImage
from domain.formats import (
    AVIF,
    BMP,
    GIF,
    HEIC,
    IMAGE_FORMATS_IN_WORDS,
    JPEG,
    PNG,
    TIFF,
    WEBP,
    FileFormat,
)
from domain.image import Image

# What libjpeg, libavif, libheif and Pillow say when memory runs out. A limit of libheif, for sizes
# that cannot be true, sounds alike.
_OUT_OF_MEMORY = re.compile("(?i)(insufficient|out of) memory|allocat(?!.*security limit)")


def recognise(data: bytes) -> FileFormat:
    """Recognise the format of an image.

    Raises:
        InvalidImage: the format is not supported.
    """
    if not data:
        raise InvalidImage("the file is empty", reason="empty")
    kind = format_of(data)
    if kind is None:
        found = describe_foreign(data) or "not an image"
        raise InvalidImage(
            f"this is {found}; {IMAGE_FORMATS_IN_WORDS} are supported", reason="unsupported"
        )
    return kind


def read_header(data: bytes, kind: FileFormat, *, thorough: bool) -> Header | None:
    """Read the header of an image.

    Args:
        data: the whole file.
        kind: the format.
        thorough: read the whole file, for a close estimate of the cost. Otherwise this takes at
            most about a millisecond.

    Returns:
        None if only reading the whole file can tell.

    Raises:
        InvalidImage: the header cannot be read.
        MemoryError: memory ran out, whether the image is good or not.
    """
    try:
        if kind is JPEG:
            return jpeg.read_header(data, thorough=thorough)
        if kind is PNG:
            return png.read_header(data, thorough=thorough)
        if kind is WEBP:
            return webp.read_header(data, thorough=thorough)
        if not thorough:
            return None
        if kind is BMP:
            return bmp.read_header(data)
        # Not at the top, because it loads the libraries.
        from adapters.opencv import rare_formats

        return rare_formats.read_header(data, kind)
    except Exception as error:  # damaged files make the libraries raise nearly any error
        if _is_out_of_memory(error):
            raise MemoryError from error
        raise _invalid(kind, error, data) from error


def load_library(data: bytes) -> None:
    """Load the libraries that an image needs, before memory is limited."""
    kind = format_of(data)
    if kind in (GIF, TIFF, AVIF, HEIC):
        from adapters.opencv import rare_formats  # noqa: F401
    elif kind is JPEG and jpeg.is_rare(data):
        from adapters.opencv import rare_jpeg  # noqa: F401


def read_image(data: bytes, header: Header, limits: DecodingLimits) -> Image:
    """Decode an image after its size and cost were checked.

    Raises:
        InvalidImage: it is damaged, or pixels are missing.
        MemoryError: memory ran out, whether the image is good or not.
    """
    factor = header.factor(limits)
    try:
        pixels = header.read(data, factor)
    except Exception as error:  # as above
        if _is_out_of_memory(error):
            raise MemoryError from error
        raise _invalid(header.kind, error, data) from error
    orientation = png.orientation_of(data) if header.kind is PNG else header.orientation
    width, height = upright_size(header.width, header.height, orientation)
    expected = (-(-header.height // factor), -(-header.width // factor), 3)
    if pixels.shape != expected or pixels.dtype != np.uint8:
        raise _invalid(header.kind, Damaged(), data)
    turned = np.ascontiguousarray(upright(pixels, orientation))
    return Image(turned, width, height, header.kind.media_type, scale=1 / factor)


def _is_out_of_memory(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, MemoryError) or _OUT_OF_MEMORY.search(str(error)):
            return True
        error = error.__cause__
    return False


def _is_cut_short(kind: FileFormat, data: bytes) -> bool:
    """Whether a file ends before something that it announces."""
    if kind is TIFF:
        from adapters.opencv import tiff

        return tiff.is_cut_short(data)
    return _lacks_a_box(kind, data)


def _lacks_a_box(kind: FileFormat, data: bytes) -> bool:
    """Whether a file in a box-based format ends inside a box."""
    at = 0 if kind in (AVIF, HEIC) else len(data)
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4])
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16])
        if size < 8:
            return False
        at += size
    return at > len(data)


def _invalid(kind: FileFormat, error: Exception, data: bytes) -> DomainError:
    if isinstance(error, DomainError):
        return error
    # Pillow says so only in the message.
    if isinstance(error, Truncated) or "truncated" in str(error) or _is_cut_short(kind, data):
        return InvalidImage(f"the {kind.name} image is cut short", reason="truncated")
    if isinstance(error, Unsupported):
        return InvalidImage(f"this {kind.name} image cannot be read: {error}", reason="coding")
    why = f": {error}" if isinstance(error, Damaged) and str(error) else ""
    return InvalidImage(f"the {kind.name} image is damaged{why}", reason="damaged")
