"""Blending transparent pixels with white."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

BAND_PIXELS = 500_000
"""What one band should hold, so that converting it takes little memory."""

Band = tuple[NDArray[np.uint8], NDArray[np.uint8] | None]
"""Some rows of an image: RGB, and alpha where the file has it."""


def on_white(
    color: NDArray[np.uint8], alpha: NDArray[np.uint8] | None, factor: int
) -> NDArray[np.uint8]:
    """Blend an image with white and reduce it.

    An alpha of zero everywhere counts as opaque: some programs leave it unset.

    Args:
        color: height x width x 3, RGB.
        alpha: height x width; None for opaque.
        factor: by which it is reduced.
    """
    if alpha is None or not alpha.any() or alpha.min() == 255:
        return smaller(color, factor)
    height, width = alpha.shape
    rows = max(BAND_PIXELS // width // factor, 1) * factor
    bands = [
        smaller(blend(color[at : at + rows], alpha[at : at + rows]), factor)
        for at in range(0, height, rows)
    ]
    return np.concatenate(bands)


def put_together(bands: Iterable[Band], factor: int) -> NDArray[np.uint8]:
    """Blend an image with white and reduce it, band by band.

    An alpha of zero everywhere counts as opaque.

    Args:
        bands: from the top; each but the last has a multiple of ``factor`` rows.
        factor: by which the image is reduced.
    """
    opaque, laid, seen_alpha = [], [], False
    for color, alpha in bands:
        opaque.append(smaller(color, factor))
        if alpha is not None:
            seen_alpha = seen_alpha or bool(alpha.any())
            laid.append(smaller(blend(color, alpha), factor))
    return np.concatenate(laid if seen_alpha else opaque)


def blend(color: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Each pixel blended with white by its alpha."""
    share = alpha[..., None].astype(np.uint16)
    mixed = color * share + (255 - share) * np.uint16(255)
    return ((mixed + 127) // 255).astype(np.uint8)


def smaller(pixels: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Means of ``factor`` x ``factor`` pixels; of fewer at the right and lower edge."""
    if factor == 1:
        return pixels
    height, width = pixels.shape[:2]
    size = (-(-width // factor), -(-height // factor))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
