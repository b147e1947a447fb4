"""Reading GIF, TIFF, AVIF and HEIC with Pillow and libheif.

Harmless-looking files can make these libraries run for long or use much memory, so they are only
used in the process that ``adapters.opencv.decoding_process`` supervises.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np
import PIL.Image
import pillow_heif
from numpy.typing import NDArray
from PIL import AvifImagePlugin, ImagePalette
from PIL.TiffImagePlugin import TiffImageFile

from adapters.opencv import tiff
from adapters.opencv.encoded import Header, Unsupported
from adapters.opencv.orientation import UPRIGHT, orientation_in
from adapters.opencv.transparency import Band, band_tops, on_white, put_together
from domain.formats import AVIF, HEIC, TIFF, FileFormat

# Measured: peak bytes per pixel of the library.
_HEIF_BYTES, _HEIF_ALPHA_BYTES, _AVIF_BYTES, _AVIF_ALPHA_BYTES = 5, 7, 10, 12
_JPEG_2000_ALPHA_BYTES = 26
# The box of the clean aperture: width, height and place of its centre, as fractions.
_CLEAN_APERTURE = re.compile(rb"(?s)\x00\x00\x00\x28clap(.{32})")
_COLOUR_MAP = 320  # tag of a TIFF
_MODE_BYTES = {"1": 1, "L": 1, "P": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class RareHeader(Header):
    """The header of a file in a rarer format.

    Attributes:
        decode: decodes the pixels.
    """

    decode: Callable[[int], NDArray[np.uint8]]

    def read(self, data: bytes, factor: int) -> NDArray[np.uint8]:
        """Decode with the library that opened the file."""
        return self.decode(factor)


def read_header(data: bytes, kind: FileFormat) -> Header:
    """Open a file and read its size.

    Raises:
        Damaged: it cannot be opened. Libraries may raise other errors too.
    """
    if kind is HEIC:
        return _open_heif(data)
    return _open_tiff(data) if kind is TIFF else _open_with_pillow(data, kind)


def _open_with_pillow(data: bytes, kind: FileFormat) -> RareHeader:
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    PIL.Image.MAX_IMAGE_PIXELS = None  # pixels are counted by the header's own check
    image = PIL.Image.open(io.BytesIO(data), formats=[kind.name])
    avif = kind is AVIF
    if isinstance(image, TiffImageFile) and image.mode == "P":
        palette = tiff.eight_bit_palette(image.tag_v2[_COLOUR_MAP])
        image.palette = ImagePalette.raw("RGB;L", palette) if palette else image.palette
    whole = image.width * image.height
    part = (avif and _clean_aperture(data, *image.size)) or (0, 0, *image.size)
    width, height = part[2] - part[0], part[3] - part[1]
    bytes_a_pixel = _MODE_BYTES.get(image.mode, 4)
    if avif:
        bytes_a_pixel = _AVIF_ALPHA_BYTES if image.has_transparency_data else _AVIF_BYTES
    return RareHeader(
        kind=kind,
        width=width,
        height=height,
        # For AVIF it comes from the boxes for rotation and mirroring. Pillow turns a TIFF itself.
        orientation=orientation_in(image.info.get("exif", b"")) if avif else UPRIGHT,
        working_bytes=(whole - width * height) * bytes_a_pixel,
        bytes_a_pixel=bytes_a_pixel,
        decode=lambda factor: _reduce(image, part, factor),
    )


def _clean_aperture(data: bytes, width: int, height: int) -> tuple[int, int, int, int] | None:
    """The part of an AVIF that is to be shown: left, top, right and lower edge; None for all of it.

    Pillow ignores it, and libheif applies that of a HEIC. One that lies outside the image, or not
    on whole pixels, is ignored.
    """
    found = _CLEAN_APERTURE.search(data)
    if found is None:
        return None
    numbers = struct.unpack(">8i", found[1])
    if not all(numbers[1::2]):
        return None
    across, down, right_of, below = (
        Fraction(*pair) for pair in zip(numbers[::2], numbers[1::2], strict=True)
    )
    # The centre is given from the centre of the image.
    left, top = (width - across) / 2 + right_of, (height - down) / 2 + below
    edges = left, top, left + across, top + down
    inside = 0 <= left < edges[2] <= width and 0 <= top < edges[3] <= height
    if not inside or any(edge.denominator > 1 for edge in edges):
        return None
    return int(edges[0]), int(edges[1]), int(edges[2]), int(edges[3])


def _open_tiff(data: bytes) -> Header:
    if tiff.is_camera_raw(data):
        raise Unsupported("it is the raw file of a camera; send the image as JPEG")
    if files := tiff.files_in(data):
        return RareHeader(
            kind=TIFF,
            width=files.width,
            height=files.height,
            orientation=files.orientation,
            working_bytes=files.file_pixels * _JPEG_2000_ALPHA_BYTES,
            bytes_a_pixel=_MODE_BYTES.get(files.mode, 4),
            decode=lambda factor: _reduce(
                files.joined(data), (0, 0, files.width, files.height), factor
            ),
        )
    if not tiff.is_read_by_pillow(data):
        return tiff.read_header(data)
    try:
        return _open_with_pillow(tiff.for_pillow(data), TIFF)
    except PIL.UnidentifiedImageError:
        return tiff.read_header(data)


def _reduce(
    image: PIL.Image.Image, part: tuple[int, int, int, int], factor: int
) -> NDArray[np.uint8]:
    image.load()
    # Of an AVIF these hold the decoded pixels twice more, until the image itself is gone.
    vars(image).pop("fp", None)
    vars(image).pop("_decoder", None)
    if part != (0, 0, *image.size):
        image = image.crop(part)
    return put_together(_bands(image, factor), factor, (image.height, image.width))


def _bands(image: PIL.Image.Image, factor: int) -> Iterator[Band]:
    width, height = image.size
    transparent = image.has_transparency_data
    tops = band_tops(width, height, factor)
    for top in tops:
        band = image.crop((0, top, width, min(top + tops.step, height)))
        if transparent:
            pixels = np.asarray(band.convert("RGBA"))
            yield cv2.cvtColor(pixels, cv2.COLOR_RGBA2RGB), cv2.extractChannel(pixels, 3)
        else:
            yield np.asarray(band.convert("RGB")), None


def _open_heif(data: bytes) -> RareHeader:
    pillow_heif.options.DECODE_THREADS = 1
    file = pillow_heif.open_heif(data, convert_hdr_to_8bit=True)
    width, height = file.size

    def decode(factor: int) -> NDArray[np.uint8]:
        pixels = np.asarray(file)
        if pixels.dtype == np.uint16:  # grey of more than 8 bits is not converted
            pixels = (pixels >> 8).astype(np.uint8)
        if pixels.ndim == 2:
            return on_white(cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB), None, factor)
        if pixels.shape[2] == 4:
            alpha = cv2.extractChannel(pixels, 3)
            return on_white(cv2.cvtColor(pixels, cv2.COLOR_RGBA2RGB), alpha, factor)
        return on_white(pixels, None, factor)

    return RareHeader(
        kind=HEIC,
        width=width,
        height=height,
        # libheif turns the image as the file says; EXIF, which repeats it, is ignored.
        bytes_a_pixel=_HEIF_ALPHA_BYTES if file.has_alpha else _HEIF_BYTES,
        decode=decode,
    )
