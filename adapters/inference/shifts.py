"""Face crops as other cameras and framings would have shown them.

Each shift renders every crop anew, with a severity drawn for it. The accuracy on these renderings
says more about other people's images than the accuracy on the data set it was trained with (D.
Hendrycks and T. Dietterich, "Benchmarking neural network robustness to common corruptions and
perturbations", ICLR 2019). Lengths are parts of the crop's side, so that crops of any size change
equally.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

Crop = NDArray[np.uint8]
"""uint8, height x width x 1 (grey) or 3 (RGB)."""

Render = Callable[[Crop, np.random.Generator], Crop]
# The size of one pixel in a crop of 48 pixels, the unit of blur and noise.
_PIXEL = 1 / 48


def render(crops: Crop, shift: str, *, seed: int = 0) -> Crop:
    """Render crops under one shift; the same arguments give the same renderings.

    Args:
        crops: uint8, N x height x width x 1 or 3.
        shift: a name from ``SHIFTS``.
        seed: of the severities.

    Returns:
        uint8, shaped like ``crops``.
    """
    change = SHIFTS[shift]
    # One random generator per shift, so that the renderings do not depend on other shifts or their
    # order.
    rng = np.random.default_rng([seed, zlib.crc32(shift.encode())])
    rendered = np.empty_like(crops)
    for place, crop in enumerate(crops):
        rendered[place] = change(crop, rng).reshape(crop.shape)
    return rendered


def _framed(
    crop: Crop, *, zoom: float = 1, degrees: float = 0, right: float = 0, down: float = 0
) -> Crop:
    height, width = crop.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, zoom)
    matrix[:, 2] += right * width, down * height
    # Like the crops of faces at an image's edge: see ``cut_frame``.
    framed = cv2.warpAffine(crop, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(framed, np.uint8)


def _either_sign(rng: np.random.Generator, low: float, high: float) -> float:
    return float(rng.choice((-1, 1)) * rng.uniform(low, high))


def _tighter(crop: Crop, rng: np.random.Generator) -> Crop:
    return _framed(crop, zoom=rng.uniform(1.1, 1.4))


def _wider(crop: Crop, rng: np.random.Generator) -> Crop:
    return _framed(crop, zoom=1 / rng.uniform(1.1, 1.5))


def _off_centre(crop: Crop, rng: np.random.Generator) -> Crop:
    angle, length = rng.uniform(0, 2 * math.pi), rng.uniform(0.08, 0.18)
    return _framed(crop, right=length * math.cos(angle), down=length * math.sin(angle))


def _rotated(crop: Crop, rng: np.random.Generator) -> Crop:
    return _framed(crop, degrees=_either_sign(rng, 8, 25))


def _cut_off(crop: Crop, rng: np.random.Generator) -> Crop:
    """A face at the image's edge; the missing part repeats the edge."""
    missing, side = rng.uniform(0.12, 0.3), int(rng.integers(4))
    turned = np.rot90(crop, side).copy()
    gone = max(round(missing * len(turned)), 1)
    turned[-gone:] = turned[-gone - 1]
    return np.asarray(np.rot90(turned, -side), np.uint8)


def _few_pixels(crop: Crop, rng: np.random.Generator) -> Crop:
    height, width = crop.shape[:2]
    side = int(rng.integers(14, 29))
    small = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height)), np.uint8)


def _out_of_focus(crop: Crop, rng: np.random.Generator) -> Crop:
    sigma = rng.uniform(0.8, 2.0) * _PIXEL * crop.shape[1]
    return np.asarray(cv2.GaussianBlur(crop, (0, 0), sigma), np.uint8)


def _moved(crop: Crop, rng: np.random.Generator) -> Crop:
    """The face or the camera moved while the shutter was open."""
    length = max(int(rng.uniform(4, 8) * _PIXEL * crop.shape[1]), 2)
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1
    matrix = cv2.getRotationMatrix2D(((length - 1) / 2,) * 2, rng.uniform(0, 180), 1)
    kernel = cv2.warpAffine(kernel, matrix, (length, length))
    blurred = cv2.filter2D(crop, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred, np.uint8)


def _noisy(crop: Crop, rng: np.random.Generator) -> Crop:
    """A small sensor's noise; enlarged with the crop, so that a large one does not average it."""
    height, width = crop.shape[:2]
    grain = rng.normal(0, rng.uniform(8, 25), (48, 48)).astype(np.float32)
    noise = cv2.resize(grain, (width, height), interpolation=cv2.INTER_NEAREST)
    return _levels(crop + noise[:, :, np.newaxis])


def _compressed(crop: Crop, rng: np.random.Generator) -> Crop:
    grey = crop.shape[2] == 1
    height, width = crop.shape[:2]
    small = cv2.resize(crop, (64, 64), interpolation=cv2.INTER_AREA)
    quality = int(rng.integers(8, 30))
    _, code = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])
    way = cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_COLOR
    return np.asarray(cv2.resize(cv2.imdecode(code, way), (width, height)), np.uint8)


def _dark(crop: Crop, rng: np.random.Generator) -> Crop:
    gain = rng.uniform(0.1, 0.45)
    return _levels(crop * gain + rng.normal(0, 2, crop.shape))


def _overexposed(crop: Crop, rng: np.random.Generator) -> Crop:
    return _levels(crop * rng.uniform(1.3, 2.0) + rng.uniform(0, 40))


def _flat(crop: Crop, rng: np.random.Generator) -> Crop:
    """Mist, a dirty lens or backlight: little contrast around some grey."""
    return _levels(crop * rng.uniform(0.2, 0.5) + rng.uniform(40, 110))


def _harsh(crop: Crop, rng: np.random.Generator) -> Crop:
    middle = crop.mean()
    return _levels((crop - middle) * rng.uniform(1.6, 2.6) + middle)


def _lit_from_a_side(crop: Crop, rng: np.random.Generator) -> Crop:
    height, width = crop.shape[:2]
    angle = rng.uniform(0, 2 * math.pi)
    across = np.linspace(-1, 1, width)[np.newaxis] * math.cos(angle)
    down = np.linspace(-1, 1, height)[:, np.newaxis] * math.sin(angle)
    light = np.exp(rng.uniform(0.5, 1.2) * (across + down))
    return _levels(crop * light[:, :, np.newaxis])


def _colour_cast(crop: Crop, rng: np.random.Generator) -> Crop:
    """Lamps, screens and white balance: scales and clips each channel, then mixes to grey."""
    colour = np.repeat(crop, 3, axis=2) if crop.shape[2] == 1 else crop
    lit = _levels(colour * np.exp(rng.uniform(-0.7, 0.7, 3)))
    return np.asarray(cv2.cvtColor(lit, cv2.COLOR_RGB2GRAY)) if crop.shape[2] == 1 else lit


def _covered(crop: Crop, rng: np.random.Generator) -> Crop:
    """Hair, a hand, a caption, a glass: a grey rectangle over a part of the face."""
    height, width = crop.shape[:2]
    tall, wide = (rng.uniform(0.2, 0.42, 2) * (height, width)).astype(int)
    top, left = int(rng.integers(height - tall + 1)), int(rng.integers(width - wide + 1))
    covered = crop.copy()
    covered[top : top + tall, left : left + wide] = rng.integers(256)
    return covered


def _several(crop: Crop, rng: np.random.Generator) -> Crop:
    """A framing, a light and a lens at once, as with a cheap camera."""
    for group in (FRAMINGS, LIGHTS, LENSES):
        change = list(group.values())[rng.integers(len(group))]
        crop = change(crop, rng).reshape(crop.shape)
    return crop


def _levels(values: NDArray[np.number]) -> Crop:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


FRAMINGS: dict[str, Render] = {
    "tighter, by 10 to 40 %": _tighter,
    "wider, by 10 to 50 %": _wider,
    "off centre by 8 to 18 %": _off_centre,
    "rotated by 8 to 25 degrees": _rotated,
    "cut off at a side, 12 to 30 %": _cut_off,
}
LENSES: dict[str, Render] = {
    "14 to 28 pixels wide": _few_pixels,
    "out of focus": _out_of_focus,
    "moved": _moved,
    "noisy": _noisy,
    "JPEG of quality 8 to 29": _compressed,
}
LIGHTS: dict[str, Render] = {
    "dark, with noise": _dark,
    "overexposed": _overexposed,
    "flat": _flat,
    "harsh": _harsh,
    "lit from a side": _lit_from_a_side,
    "colour cast before gray": _colour_cast,
}
SHIFTS: Mapping[str, Render] = MappingProxyType(
    FRAMINGS | LENSES | LIGHTS | {"covered in part": _covered, "several at once": _several}
)
"""The suite, by name: framings, lenses and codecs, lights, and the worst of them together."""
