"""Blending transparent pixels with white."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from adapters.opencv.encoded import ceil_div

BAND_PIXELS = 500_000
"""What one band should hold, so that converting it takes little memory."""

Band = tuple[NDArray[np.uint8], NDArray[np.uint8] | None]
"""Some rows of an image: RGB, and alpha where the file has it."""


def band_tops(width: int, height: int, factor: int) -> range:
    """Where the bands of an image begin; its step is their height, a multiple of ``factor``."""
    return range(0, height, max(BAND_PIXELS // width // factor, 1) * factor)


def on_white(
    colour: NDArray[np.uint8], alpha: NDArray[np.uint8] | None, factor: int
) -> NDArray[np.uint8]:
    """Blend an image with white and reduce it.

    An alpha of zero everywhere counts as opaque: some programs leave it unset.

    Args:
        colour: height x width x 3, RGB.
        alpha: height x width; None for opaque.
        factor: by which it is reduced.
    """
    if alpha is None or alpha.min() == 255:
        return smaller(colour, factor)
    height, width = alpha.shape
    tops = band_tops(width, height, factor)
    bands = ((colour[at : at + tops.step], alpha[at : at + tops.step]) for at in tops)
    return put_together(bands, factor, (height, width))


def put_together(bands: Iterable[Band], factor: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Blend an image with white and reduce it, band by band.

    An alpha of zero everywhere counts as opaque.

    Args:
        bands: from the top; each but the last has a multiple of ``factor`` rows. They all have
            alpha, or none has.
        factor: by which the image is reduced.
        size: height and width of all bands together.
    """
    height, width = (ceil_div(length, factor) for length in size)
    whole, at, seen_alpha = np.empty((height, width, 3), np.uint8), 0, False
    for colour, alpha in bands:
        if alpha is not None and not seen_alpha and alpha.any():
            seen_alpha = True
            whole[:at] = 255  # what was taken for opaque so far
        if alpha is not None and seen_alpha and alpha.min() < 255:
            colour = blend(colour, alpha)
        small = smaller(colour, factor)
        whole[at : at + len(small)] = small
        at += len(small)
    return whole[:at]


def blend(colour: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Each pixel blended with white by its alpha."""
    share = alpha[..., None].astype(np.uint16)
    mixed = colour * share + (255 - share) * np.uint16(255)
    return ((mixed + 127) // 255).astype(np.uint8)


def smaller(pixels: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Means of ``factor`` x ``factor`` pixels; of fewer at the right and lower edge."""
    if factor == 1:
        return pixels
    height, width = pixels.shape[:2]
    size = (ceil_div(width, factor), ceil_div(height, factor))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
