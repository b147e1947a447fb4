"""Frames as a player shows them: rotation and pixel aspect applied."""

from __future__ import annotations

import numpy as np
from av.video.frame import VideoFrame as AvFrame
from numpy.typing import NDArray


def shown_size(frame: AvFrame, aspect: float) -> tuple[int, int]:
    """Width and height as a player shows them."""
    width, height = max(round(frame.width * aspect), 1), frame.height
    return (height, width) if round(frame.rotation / 90) % 2 else (width, height)


def upright(
    frame: AvFrame, aspect: float, working_side_px: int
) -> tuple[NDArray[np.uint8], int, int, float]:
    """The pixels of a frame, the size a player shows, and the pixels of the buffer per shown
    pixel.
    """
    width, height = shown_size(frame, aspect)
    scale = min(1.0, working_side_px / max(width, height))
    turns = round(frame.rotation / 90) % 4
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    if turns % 2:
        size = size[::-1]
    pixels = frame.reformat(*size, format="rgb24", interpolation="BILINEAR").to_ndarray()
    return np.ascontiguousarray(np.rot90(pixels, turns)), width, height, scale
