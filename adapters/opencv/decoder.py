"""Decoding uploads with OpenCV, and with Pillow where transparency or rarer kinds ask for it."""

from __future__ import annotations

import io
import math

import cv2
import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL import ImageFile

from adapters.inference.executor import WorkExecutor
from adapters.opencv.image_formats import (
    ImageFormat,
    describe_foreign,
    find_stowaway,
    format_of,
)
from application.work import Priority
from domain.errors import ImageDimensionsTooLarge, InvalidImage
from domain.image import Image

# Rotation or mirroring that undoes each EXIF orientation: the order of the axes, then what to flip.
_ORIENTATION_TAG = 0x0112
_TRANSPOSED = frozenset({5, 6, 7, 8})
_FLIP_AFTER_TRANSPOSING = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}
# How OpenCV is asked for RGB at a part of the size; its own names for the latter mean BGR.
_READ_REDUCED = {
    1: cv2.IMREAD_COLOR_RGB,
    2: cv2.IMREAD_COLOR_RGB | cv2.IMREAD_REDUCED_GRAYSCALE_2,
    4: cv2.IMREAD_COLOR_RGB | cv2.IMREAD_REDUCED_GRAYSCALE_4,
    8: cv2.IMREAD_COLOR_RGB | cv2.IMREAD_REDUCED_GRAYSCALE_8,
}
_OPENCV_READS_WELL = {
    "JPEG": frozenset({"L", "RGB", "CMYK"}),
    "PNG": frozenset({"1", "L", "P", "RGB", "I", "I;16", "I;16B"}),
    "WebP": frozenset({"RGB"}),
}


class OpenCvImageDecoder:
    """Fulfils the port ``ImageDecoder``.

    Images are made smaller by 2, 4 or 8 as long as the longer side keeps ``working_side_px``; from
    a JPEG the left-out pixels are never computed at all. Transparency is laid on white.
    """

    def __init__(
        self,
        *,
        executor: WorkExecutor,
        max_pixels: int = 50_000_000,
        working_side_px: int = 2000,
    ) -> None:
        self._executor = executor
        self._max_pixels = max_pixels
        self._working_side_px = working_side_px

    async def decode(self, data: bytes, *, priority: Priority = Priority.INTERACTIVE) -> Image:
        """Decode one image; see the port.

        ``InvalidImage.details["reason"]`` is one of ``empty``, ``unsupported``, ``truncated``,
        ``polyglot`` and ``damaged``.
        """
        return await self._executor.run(self._decode, data, priority=priority)

    def _decode(self, data: bytes) -> Image:
        kind = _recognise(data)
        header = self._read_header(data, kind)
        end = kind.find_end(data)
        if end is None:
            raise InvalidImage(f"the {kind.name} image is cut short", reason="truncated")
        stowaway = find_stowaway(data, end, kind)
        if stowaway is not None:
            raise InvalidImage(
                f"the {kind.name} file also holds {stowaway}; send the image alone",
                reason="polyglot",
            )
        factor = self._factor(header.size)
        orientation = _orientation(header)
        try:
            pixels = _read_pixels(data, header, kind, factor)
        except (MemoryError, InvalidImage):
            raise
        except Exception as error:  # Damaged files make the libraries raise nearly anything.
            raise _damaged(kind) from error
        width, height = header.size
        if orientation in _TRANSPOSED:
            width, height = height, width
        return Image(
            _upright(pixels, orientation), width, height, kind.media_type, scale=1 / factor
        )

    def _read_header(self, data: bytes, kind: ImageFormat) -> ImageFile.ImageFile:
        try:
            header = kind.open(io.BytesIO(data))
        except (PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning) as error:
            raise ImageDimensionsTooLarge(
                f"at most {self._max_pixels / 1e6:g} megapixels are decoded",
                limit=self._max_pixels,
            ) from error
        except Exception as error:  # As above.
            if kind.find_end(data) is None:
                raise InvalidImage(
                    f"the {kind.name} image is cut short", reason="truncated"
                ) from error
            raise _damaged(kind) from error
        width, height = header.size
        if width * height > self._max_pixels:
            raise ImageDimensionsTooLarge(
                f"the image has {width} x {height} pixels; "
                f"at most {self._max_pixels / 1e6:g} megapixels are decoded",
                width=width,
                height=height,
                limit=self._max_pixels,
            )
        return header

    def _factor(self, size: tuple[int, int]) -> int:
        return max(f for f in _READ_REDUCED if f == 1 or max(size) >= f * self._working_side_px)


def _recognise(data: bytes) -> ImageFormat:
    if not data:
        raise InvalidImage("the file is empty", reason="empty")
    kind = format_of(data)
    if kind is None:
        found = describe_foreign(data) or "no image"
        raise InvalidImage(
            f"this is {found}; JPEG, PNG, GIF, WebP and BMP images are read",
            reason="unsupported",
        )
    return kind


def _damaged(kind: ImageFormat) -> InvalidImage:
    return InvalidImage(f"the {kind.name} image is damaged", reason="damaged")


def _read_pixels(
    data: bytes, header: ImageFile.ImageFile, kind: ImageFormat, factor: int
) -> NDArray[np.uint8]:
    expected = (math.ceil(header.height / factor), math.ceil(header.width / factor), 3)
    plain = header.mode in _OPENCV_READS_WELL.get(kind.name, ())
    if plain and "transparency" not in header.info and not getattr(header, "is_animated", False):
        pixels = _read_with_opencv(data, kind, factor, (expected[1], expected[0]))
    else:
        pixels = _read_with_pillow(header, factor)
    if pixels is None or pixels.shape != expected or pixels.dtype != np.uint8:
        raise _damaged(kind)
    return pixels


def _read_with_opencv(
    data: bytes, kind: ImageFormat, factor: int, size: tuple[int, int]
) -> NDArray[np.uint8] | None:
    buffer = np.frombuffer(data, np.uint8)
    reduced_by = factor if kind.name == "JPEG" else 1
    pixels = cv2.imdecode(buffer, _READ_REDUCED[reduced_by] | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is not None and reduced_by != factor:
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return pixels


def _read_with_pillow(image: PIL.Image.Image, factor: int) -> NDArray[np.uint8]:
    image = image.convert("RGBA")
    if factor > 1:
        image = image.reduce(factor)
    canvas = PIL.Image.new("RGB", image.size, "white")
    canvas.paste(image, mask=image)
    return np.array(canvas)


def _orientation(header: PIL.Image.Image) -> int:
    # Not header.getexif(): for a PNG that decodes the whole image.
    exif = PIL.Image.Exif()
    try:
        exif.load(header.info.get("exif", b""))
        return int(exif.get(_ORIENTATION_TAG, 1))
    except Exception:  # A picture with damaged notes is still a picture.
        return 1


def _upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    if orientation in _TRANSPOSED:
        pixels = cv2.transpose(pixels)
    if orientation in _FLIP_AFTER_TRANSPOSING:
        pixels = cv2.flip(pixels, _FLIP_AFTER_TRANSPOSING[orientation])
    return pixels
