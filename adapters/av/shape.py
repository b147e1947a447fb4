"""Converting frames to what a player shows: upright, with square pixels, in sRGB."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any, NamedTuple

import cv2
import numpy as np
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame as AvFrame
from av.video.reformatter import Colorspace
from numpy.typing import NDArray

from adapters.av.hdr import has_wide_colours, to_srgb
from domain.geometry import Size
from domain.image import Image

WORKING_SIDE_PX = 1280
"""Frames are analysed with a longer side of at most this many pixels; detectors use no more."""

_HD_MIN_SIDE_PX = 720
_SAME_SHAPE = 0.02
"""How much the aspect ratio of a rescaled frame may differ by rounding, relative to its own."""
_UNSPECIFIED = 2  # ITU-T H.273


class Display:
    """Converts the frames of one video to images, as a player shows them.

    Args:
        pixel_aspect: width of a pixel divided by its height. What no camera writes is taken for 1,
            because a wrong header must not stretch frames beyond any limit.
    """

    def __init__(self, pixel_aspect: float) -> None:
        self._pixel_aspect = pixel_aspect if 0.1 <= pixel_aspect <= 10 else 1.0
        self._orientations: dict[int, _Orientation] = {}

    def size_of(self, frame: AvFrame) -> tuple[int, int]:
        """Width and height of the frame, upright and with square pixels.

        As in HTML, one of the two grows, and neither shrinks.
        """
        width = round(frame.width * max(self._pixel_aspect, 1.0))
        height = round(frame.height / min(self._pixel_aspect, 1.0))
        return (height, width) if self._orientation_of(frame).is_transposed else (width, height)

    def image_of(self, frame: AvFrame, max_side_px: int | None = None) -> Image:
        """Convert a frame.

        Args:
            frame: as the decoder returned it.
            max_side_px: the pixels are scaled down until the longer side has at most this many;
                None keeps the size.

        Returns:
            The image; its pixels are uint8 (height, width, 3), RGB.
        """
        width, height = self.size_of(frame)
        scale = min(1.0, max_side_px / max(width, height)) if max_side_px else 1.0
        orientation = self._orientation_of(frame)
        size = (max(round(width * scale), 1), max(round(height * scale), 1))
        converted = frame.reformat(
            *(size[::-1] if orientation.is_transposed else size),
            format="rgb24",
            interpolation="BILINEAR",
            src_colorspace=_assumed_colorspace(frame),
            # More threads do not pay for their start, and some of them outlive the frame.
            threads=1,
        )
        pixels = np.asarray(converted.to_ndarray(), np.uint8)
        if has_wide_colours(frame.color_trc, frame.color_primaries):
            pixels = to_srgb(pixels, frame.color_trc)
        pixels = np.ascontiguousarray(orientation.apply(pixels))
        return Image(pixels, width, height, "video", scale=scale)

    def _orientation_of(self, frame: AvFrame) -> _Orientation:
        # Kept for each rotation, so that few frames are asked for their ``side_data``: the two
        # refer to each other, so such a frame stays in memory until a garbage collection.
        rotation = frame.rotation
        if rotation not in self._orientations:
            self._orientations[rotation] = _orientation_of(frame)
        return self._orientations[rotation]


def fitted(image: Image, size: Size) -> Image:
    """A frame in the coordinates of its video, as players show it.

    In recorded calls, frames become smaller or larger with the speed of the connection, and change
    their shape when a phone is turned. A frame of another shape is put between black bars.

    Args:
        image: the frame.
        size: width and height of the video, in pixels.

    Returns:
        An image of the video's size; its pixels may be fewer, see ``Image.scale``.
    """
    if size == (image.width, image.height):
        return image
    width, height = size
    pixels = np.asarray(image.pixels, np.uint8)
    ratio = max(pixels.shape[1] / width, pixels.shape[0] / height)
    if ratio > 1:  # First, so that bars never make more pixels than the video has.
        fit = (max(int(pixels.shape[1] / ratio), 1), max(int(pixels.shape[0] / ratio), 1))
        pixels = np.asarray(cv2.resize(pixels, fit, interpolation=cv2.INTER_AREA), np.uint8)
    if not _have_same_shape((image.width, image.height), size):
        pixels = _with_bars(pixels, size)
    scale = pixels.shape[1] / width
    return replace(image, pixels=pixels, width=width, height=height, scale=scale)


def _have_same_shape(size: Size, other: Size) -> bool:
    across, down = other[0] / size[0], other[1] / size[1]
    return abs(across - down) < _SAME_SHAPE * across


def _with_bars(pixels: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    """Black bars on two sides, so that the pixels have the shape of the size."""
    height, width = pixels.shape[:2]
    ratio = max(width / size[0], height / size[1])
    wide, high = max(round(size[0] * ratio), width), max(round(size[1] * ratio), height)
    left, top = (wide - width) // 2, (high - height) // 2
    sides = top, high - height - top, left, wide - width - left
    return np.asarray(cv2.copyMakeBorder(pixels, *sides, cv2.BORDER_CONSTANT), np.uint8)


def _assumed_colorspace(frame: AvFrame) -> int | None:
    """The colour matrix to use if the file names none; None leaves it to FFmpeg.

    Players assume that of HD for frames of that size.
    """
    is_hd = min(frame.width, frame.height) >= _HD_MIN_SIDE_PX
    return Colorspace.ITU709 if frame.colorspace == _UNSPECIFIED and is_hd else None


class _Orientation(NamedTuple):
    """How the pixels of a frame become upright: they are transposed first, then mirrored."""

    is_transposed: bool
    is_mirrored_across: bool
    is_mirrored_down: bool

    def apply(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A view of pixels (height, width, 3) that is upright."""
        if self.is_transposed:
            pixels = pixels.transpose(1, 0, 2)
        if self.is_mirrored_across:
            pixels = pixels[:, ::-1]
        return pixels[::-1] if self.is_mirrored_down else pixels


def _orientation_of(frame: AvFrame) -> _Orientation:
    """Read the display matrix, and round it to quarter turns.

    Its first row is the direction of a frame's x axis on the screen, its second row that of the y
    axis.
    """
    data: Any = frame.side_data.get(Type.DISPLAYMATRIX.name)
    if data is None:
        return _Orientation(False, False, False)
    right_x, right_y, _, down_x, down_y, *_ = struct.unpack("=9i", bytes(data))
    if abs(right_y) + abs(down_x) > abs(right_x) + abs(down_y):
        return _Orientation(True, down_x < 0, right_y < 0)
    return _Orientation(False, right_x < 0, down_y < 0)
