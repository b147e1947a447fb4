"""HDR video as an ordinary screen shows it.

Phones record HDR by default. Its levels taken for those of ordinary video look grey and dark.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from av.video.reformatter import ColorTrc
from numpy.typing import NDArray

_WHITE_NITS = 203.0
"""Of a sheet of white paper in HDR (ITU-R BT.2408)."""
_PEAK_NITS = 1000.0
"""Of the screen that HLG is made for (ITU-R BT.2100)."""
_KNEE = 0.6
"""Light above this share of white is compressed, so that bright faces keep their shades."""
# From the primaries of BT.2020 to those of sRGB. Applied to light it would be exact; applied to the
# levels it is off by a few of 255, and ten times as fast.
_TO_SRGB = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)


def is_hdr(color_curve: int) -> bool:
    """Whether frames with this transfer characteristic (ITU-T H.273) are HDR: PQ or HLG."""
    return color_curve in _LEVELS


def to_srgb(pixels: NDArray[np.uint8], color_curve: int) -> NDArray[np.uint8]:
    """HDR pixels as sRGB.

    Args:
        pixels: uint8 (height, width, 3), RGB of BT.2020.
        color_curve: their transfer characteristic.
    """
    # Not at the top: it takes 20 MB, and few videos are HDR.
    import cv2

    shown = cv2.transform(cv2.LUT(pixels, _LEVELS[color_curve]), _TO_SRGB)
    return np.asarray(shown, np.uint8)


def _light_of_pq(level: NDArray[np.float64]) -> NDArray[np.float64]:
    """The light of SMPTE ST 2084 levels, 1 is white."""
    power = level ** (1 / 78.84375)
    share = np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)
    return np.asarray(10_000 / _WHITE_NITS * share ** (1 / 0.1593017578125), np.float64)


def _light_of_hlg(level: NDArray[np.float64]) -> NDArray[np.float64]:
    """The light of ITU-R BT.2100 HLG levels, 1 is white."""
    bright = (np.exp((level - 0.55991073) / 0.17883277) + 0.28466892) / 12
    scene = np.where(level <= 0.5, level**2 / 3, bright)
    return np.asarray(_PEAK_NITS / _WHITE_NITS * scene**1.2, np.float64)


def _shown(light: NDArray[np.float64]) -> NDArray[np.uint8]:
    """The sRGB levels of light."""
    rest = 1 - _KNEE
    bright = _KNEE + rest * (1 - np.exp(-(light - _KNEE) / rest))
    light = np.where(light <= _KNEE, light, bright)
    level = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(np.round(255 * level), np.uint8)


_ALL = np.arange(256) / 255
_LEVELS: Mapping[int, NDArray[np.uint8]] = MappingProxyType(
    {
        ColorTrc.SMPTE2084.value: _shown(_light_of_pq(_ALL)),
        ColorTrc.ARIB_STD_B67.value: _shown(_light_of_hlg(_ALL)),
    }
)
