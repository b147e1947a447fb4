"""Converting HDR video, and other video with the wide colours of BT.2020, to sRGB.

Many phones record HDR by default. If its levels are taken for those of ordinary video, frames look
grey and dark. Wide colours look pale if they are taken for those of ordinary video.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import cv2
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorTrc
from numpy.typing import NDArray

_WHITE_NITS = 203.0
"""Luminance of white paper in HDR (ITU-R BT.2408)."""
_PEAK_NITS = 1000.0
"""Peak luminance of the screen that HLG is defined for (ITU-R BT.2100)."""
_KNEE = 0.6
"""Light above this share of white is compressed, so that bright faces keep their shades."""
# From the primaries of BT.2020 to those of sRGB. It is meant for linear light. Applied to the
# levels, it is ten times as fast and off by a few levels of 255.
_TO_SRGB_PRIMARIES = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)


def has_wide_colours(colour_curve: int, primaries: int) -> bool:
    """Whether frames have to be converted.

    Args:
        colour_curve: their transfer characteristics (ITU-T H.273); those of PQ and HLG are HDR.
        primaries: their colour primaries (ITU-T H.273).
    """
    return colour_curve in _SRGB_LEVELS or primaries == ColorPrimaries.BT2020.value


def to_srgb(pixels: NDArray[np.uint8], colour_curve: int) -> NDArray[np.uint8]:
    """Convert pixels with wide colours to sRGB.

    Args:
        pixels: uint8 (height, width, 3), RGB with the primaries of BT.2020.
        colour_curve: their transfer characteristics (ITU-T H.273); levels of PQ and HLG are
            converted, those of all others are kept.

    Returns:
        Pixels of the same shape and type.
    """
    if (levels := _SRGB_LEVELS.get(colour_curve)) is not None:
        pixels = np.asarray(cv2.LUT(pixels, levels), np.uint8)
    return np.asarray(cv2.transform(pixels, _TO_SRGB_PRIMARIES), np.uint8)


# Below, levels lie in [0, 1], and light is linear with 1 for white.


def _light_of_pq(level: NDArray[np.float64]) -> NDArray[np.float64]:
    """Decode levels of SMPTE ST 2084."""
    power = level ** (1 / 78.84375)
    share = np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)
    return np.asarray(10_000 / _WHITE_NITS * share ** (1 / 0.1593017578125), np.float64)


def _light_of_hlg(level: NDArray[np.float64]) -> NDArray[np.float64]:
    """Decode levels of HLG (ITU-R BT.2100)."""
    bright = (np.exp((level - 0.55991073) / 0.17883277) + 0.28466892) / 12
    scene = np.where(level <= 0.5, level**2 / 3, bright)
    return np.asarray(_PEAK_NITS / _WHITE_NITS * scene**1.2, np.float64)


def _srgb_levels(light: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Compress bright light, and encode it as sRGB, 0 to 255."""
    headroom = 1 - _KNEE
    bright = _KNEE + headroom * (1 - np.exp(-(light - _KNEE) / headroom))
    light = np.where(light <= _KNEE, light, bright)
    level = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(np.round(255 * level), np.uint8)


_ALL_LEVELS = np.arange(256) / 255
_SRGB_LEVELS: Mapping[int, NDArray[np.uint8]] = MappingProxyType(
    {
        ColorTrc.SMPTE2084.value: _srgb_levels(_light_of_pq(_ALL_LEVELS)),
        ColorTrc.ARIB_STD_B67.value: _srgb_levels(_light_of_hlg(_ALL_LEVELS)),
    }
)
"""The sRGB level for each level of HDR video, by transfer characteristics."""
