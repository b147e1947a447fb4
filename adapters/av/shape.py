"""Frames as a player shows them: rotation, pixel aspect and colours applied."""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import numpy as np
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame as AvFrame
from av.video.reformatter import Colorspace
from numpy.typing import NDArray

from adapters.av.hdr import is_hdr, to_srgb
from domain.image import Image

_HD_LINES = 720
_SAME_SHAPE = 0.02
_UNSPECIFIED = 2  # ITU-T H.273


class Display:
    """How a player shows the frames of one video.

    Args:
        aspect: width of a pixel divided by its height.
    """

    def __init__(self, aspect: float) -> None:
        self._aspect = aspect
        self._placings: dict[int, _Placing] = {}

    def size_of(self, frame: AvFrame) -> tuple[int, int]:
        """Width and height in pixels."""
        width, height = max(round(frame.width * self._aspect), 1), frame.height
        return (height, width) if self._placing_of(frame).is_transposed else (width, height)

    def image_of(self, frame: AvFrame, longest_side_px: int | None = None) -> Image:
        """The frame, its pixels scaled down to fit into ``longest_side_px`` where that is given."""
        width, height = self.size_of(frame)
        scale = min(1.0, longest_side_px / max(width, height)) if longest_side_px else 1.0
        placing = self._placing_of(frame)
        size = (max(round(width * scale), 1), max(round(height * scale), 1))
        shown = frame.reformat(
            *(size[::-1] if placing.is_transposed else size),
            format="rgb24",
            interpolation="BILINEAR",
            src_colorspace=_matrix_of(frame),
            threads=1,  # more are not worth their start, and few of them end with the frame
        )
        pixels = np.asarray(shown.to_ndarray(), np.uint8)
        if is_hdr(frame.color_trc):
            pixels = to_srgb(pixels, frame.color_trc)
        pixels = np.ascontiguousarray(placing.of(pixels))
        return Image(pixels, width, height, "video", scale=scale)

    def _placing_of(self, frame: AvFrame) -> _Placing:
        # Once for each rotation: a frame and its ``side_data`` refer to each other, so frames that
        # were asked for it stay in memory until a garbage collection.
        rotation = frame.rotation
        if rotation not in self._placings:
            self._placings[rotation] = _placing_of(frame)
        return self._placings[rotation]


def is_rescaled(size: tuple[int, int], whole: tuple[int, int]) -> bool:
    """Whether a frame has the shape of its video but another size, as calls send for a while."""
    across, down = whole[0] / size[0], whole[1] / size[1]
    return size != whole and abs(across - down) < _SAME_SHAPE * across


def _matrix_of(frame: AvFrame) -> int | None:
    """The matrix of colours where the file names none: that of HD, as players guess; else None."""
    is_hd = min(frame.width, frame.height) >= _HD_LINES
    return Colorspace.ITU709 if frame.colorspace == _UNSPECIFIED and is_hd else None


class _Placing(NamedTuple):
    """How a player places the pixels of a frame: transposed first, then mirrored."""

    is_transposed: bool
    is_mirrored_across: bool
    is_mirrored_down: bool

    def of(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if self.is_transposed:
            pixels = pixels.transpose(1, 0, 2)
        if self.is_mirrored_across:
            pixels = pixels[:, ::-1]
        return pixels[::-1] if self.is_mirrored_down else pixels


def _placing_of(frame: AvFrame) -> _Placing:
    """By the display matrix, whose first rows say where the axes of the picture point.

    Rotations other than by quarters are rounded to them.
    """
    data: Any = frame.side_data.get(Type.DISPLAYMATRIX.name)
    if data is None:
        return _Placing(False, False, False)
    right_x, right_y, _, down_x, down_y, *_ = struct.unpack("=9i", bytes(data))
    if abs(right_y) + abs(down_x) > abs(right_x) + abs(down_y):
        return _Placing(True, down_x < 0, right_y < 0)
    return _Placing(False, right_x < 0, down_y < 0)
