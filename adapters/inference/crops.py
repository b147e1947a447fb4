"""Cutting face crops, in which every face is upright, in the same place and of the same size.

A crop is a square around the face's box, turned with the face where its landmarks say that it is
tilted. This imitates FER2013: ``training/emotions/framing.md`` measures how its crops lie around a
face, and ``training/emotions/framing-cost.md`` what other framings cost.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from adapters.inference.scaling import scaled
from domain.face import BOX_ITSELF, BoxFraming, FaceDetection, FaceLandmarks
from domain.image import Image

# Where the viewer's left eye, right eye, nose and mouth corners lie, as parts of the crop's side.
_TEMPLATE = (
    0.3167 + 0.3815j,
    0.6833 + 0.3815j,
    0.5000 + 0.5975j,
    0.3504 + 0.7467j,
    0.6496 + 0.7467j,
)
# Landmarks that imply a crop much smaller or larger than their box are wrong (or belong to a
# profile, whose points are close together): the face counts as upright then.
_PLAUSIBLE_SIDES = (0.6, 1.7)
# Faces in FER2013 are tilted by less than this, so the classifier reads them; turning them costs
# accuracy.
_MIN_TILT = math.radians(15)


@dataclass(frozen=True, slots=True)
class CropSpec:
    """Which crops a classifier reads.

    Attributes:
        width: in pixels.
        height: in pixels.
        channels: 1 for grey, 3 for RGB.
    """

    width: int
    height: int
    channels: int

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError(f"a crop needs a positive size, got {self.width} x {self.height}")
        if self.channels not in (1, 3):
            raise ValueError(f"crops have 1 or 3 channels, got {self.channels}")


@dataclass(frozen=True, slots=True)
class CropFrame:
    """The square of the original image that a crop shows, possibly turned.

    Attributes:
        centre: as a complex number x + iy, in the original's pixels.
        side: a complex number: its absolute value is the side's length in the original's pixels,
            its angle the direction of the crop's upper edge.
    """

    centre: complex
    side: complex


def frame_of(face: FaceDetection, framing: BoxFraming = BOX_ITSELF) -> CropFrame:
    """Choose what the crop of a face shows.

    Args:
        face: in the original's pixels.
        framing: of the detector that found it.
    """
    # The longer side, because a box that is cut off at the image's edge keeps it.
    side = float(face.box.longer_side)
    turn = 1 + 0j if face.landmarks is None else _turn_of(face.landmarks, side)
    middle = complex(face.box.centre.x, face.box.centre.y)
    return CropFrame(middle + framing.drop * side * turn * 1j, framing.side * side * turn)


def cut_crop(
    image: Image, face: FaceDetection, spec: CropSpec, framing: BoxFraming = BOX_ITSELF
) -> NDArray[np.uint8]:
    """Cut one face; see `cut_frame`.

    Args:
        image: with a uint8 RGB buffer.
        face: in the original's pixels.
        spec: the crop's size.
        framing: of the detector that found it.

    Returns:
        uint8, height x width x channels.
    """
    return cut_frame(image, frame_of(face, framing), spec)


def cut_frame(image: Image, frame: CropFrame, spec: CropSpec) -> NDArray[np.uint8]:
    """Cut a square, turned or not; what lies outside the image repeats its nearest edge pixels.

    Args:
        image: with a uint8 RGB buffer.
        frame: in the original's pixels.
        spec: the crop's size.

    Returns:
        uint8, height x width x channels.
    """
    pixels = image.pixels
    assert isinstance(pixels, np.ndarray)
    centre, side = frame.centre * image.scale, frame.side * image.scale

    region, corner = _region(pixels, centre, side)
    if spec.channels == 1:
        region = cv2.cvtColor(region, cv2.COLOR_RGB2GRAY)
    # Averaged down to about twice the wanted size, turned, and averaged by two again: no step skips
    # pixels, so there is no aliasing.
    width, height = 2 * spec.width, 2 * spec.height
    shrink_x = min(width / abs(side), 1.0)
    shrink_y = min(height / abs(side), 1.0)
    if min(shrink_x, shrink_y) < 1:
        size = (
            max(round(region.shape[1] * shrink_x), 1),
            max(round(region.shape[0] * shrink_y), 1),
        )
        shrink_x, shrink_y = size[0] / region.shape[1], size[1] / region.shape[0]
        region = scaled(region, size)

    # Maps a pixel of the crop to one of the region; pixel centres lie at halves.
    across, down = side / width, side * 1j / height
    origin = centre - side * (1 + 1j) / 2 + (across + down) / 2 - corner
    matrix = np.array(
        [
            [across.real * shrink_x, down.real * shrink_x, origin.real * shrink_x - 0.5],
            [across.imag * shrink_y, down.imag * shrink_y, origin.imag * shrink_y - 0.5],
        ]
    )
    turned = cv2.warpAffine(
        region,
        matrix,
        (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    crop = cv2.resize(turned, (spec.width, spec.height), interpolation=cv2.INTER_AREA)
    return np.asarray(crop, dtype=np.uint8).reshape(spec.height, spec.width, spec.channels)


def aligned_frame(landmarks: FaceLandmarks) -> CropFrame:
    """The frame in which a face's five points lie closest to those of the median training crop.

    The similarity transform with the least squared distance (S. Umeyama, "Least-squares estimation
    of transformation parameters between two point patterns", IEEE TPAMI 13(4), 1991): in the plane,
    one complex factor and an offset.
    """
    found = [complex(point.x, point.y) for point in landmarks.points]
    template_mean = sum(_TEMPLATE) / len(_TEMPLATE)
    found_mean = sum(found) / len(found)
    spread = sum(abs(point - template_mean) ** 2 for point in _TEMPLATE)
    side = (
        sum(
            (target - template_mean).conjugate() * (point - found_mean)
            for target, point in zip(_TEMPLATE, found, strict=True)
        )
        / spread
    )
    return CropFrame(found_mean + side * (0.5 + 0.5j - template_mean), side)


def _turn_of(landmarks: FaceLandmarks, box_side: float) -> complex:
    """The tilt of a face as a complex number of absolute value 1; 1 if it counts as upright."""
    side = aligned_frame(landmarks).side
    smallest, largest = _PLAUSIBLE_SIDES
    plausible = smallest <= abs(side) / box_side <= largest
    if not plausible or abs(cmath.phase(side)) < _MIN_TILT:
        return 1 + 0j
    return side / abs(side)


def _region(
    pixels: NDArray[np.uint8], centre: complex, side: complex
) -> tuple[NDArray[np.uint8], complex]:
    """The upright region of the buffer that covers a turned square, and its top left corner."""
    rows, columns = pixels.shape[:2]
    reach = (abs(side.real) + abs(side.imag)) / 2 + 2
    left = min(max(math.floor(centre.real - reach), 0), columns - 1)
    top = min(max(math.floor(centre.imag - reach), 0), rows - 1)
    right = max(min(math.ceil(centre.real + reach), columns), left + 1)
    bottom = max(min(math.ceil(centre.imag + reach), rows), top + 1)
    return pixels[top:bottom, left:right], complex(left, top)
