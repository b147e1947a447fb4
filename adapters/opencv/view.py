"""What a detector looks at: the image at the size that suits it, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from domain.face import FaceDetection
from domain.geometry import BoundingBox, Point
from domain.image import Image


@dataclass(frozen=True, slots=True)
class DetectionView:
    """An image scaled down for a detector.

    Attributes:
        pixels: uint8, height x width x 3, RGB.
        ratio_x: pixels of the view per pixel of the original, across.
        ratio_y: likewise, down; they differ by rounding only.
    """

    pixels: NDArray[np.uint8]
    ratio_x: float
    ratio_y: float

    @classmethod
    def of(cls, image: Image, *, ratio: float, fit_within: tuple[int, int] | None) -> DetectionView:
        """Scale an image down, never up.

        Args:
            image: with a uint8 RGB buffer.
            ratio: pixels of the view per pixel of the original that the detector would choose.
            fit_within: width and height in pixels to fit as well; None for any.
        """
        pixels = image.pixels
        assert isinstance(pixels, np.ndarray)
        if fit_within is not None:
            ratio = min(ratio, fit_within[0] / image.width, fit_within[1] / image.height)
        if ratio < image.scale:
            size = (max(round(image.width * ratio), 1), max(round(image.height * ratio), 1))
            pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        height, width = pixels.shape[:2]
        return cls(pixels, width / image.width, height / image.height)

    def point(self, x: float, y: float) -> Point:
        """Where a point of the view lies in the original."""
        return Point(x / self.ratio_x, y / self.ratio_y)

    def box(self, x: float, y: float, width: float, height: float) -> BoundingBox:
        """Where a box of the view lies in the original; at least one pixel large."""
        left, top = round(x / self.ratio_x), round(y / self.ratio_y)
        right, bottom = round((x + width) / self.ratio_x), round((y + height) / self.ratio_y)
        return BoundingBox(left, top, max(right - left, 1), max(bottom - top, 1))


def keep_faces(
    found: Sequence[FaceDetection], image: Image, *, min_size_px: int, min_confidence: float
) -> list[FaceDetection]:
    """What every detector owes its caller at the end.

    Boxes are clipped to the image; small and doubtful ones and those that repeat another face go;
    the largest face comes first.
    """
    kept: list[FaceDetection] = []
    for face in sorted(found, key=lambda face: -face.confidence):
        box = face.box.clipped_to(image.width, image.height)
        if box is None or box.longer_side < min_size_px or face.confidence < min_confidence:
            continue
        if not any(_same_face(box, other.box) for other in kept):
            kept.append(FaceDetection(box, face.confidence, face.landmarks))
    return sorted(kept, key=lambda face: -face.box.area)


def _same_face(one: BoundingBox, other: BoundingBox) -> bool:
    # A box inside another one (an eye and a cheek taken for a face of their own) overlaps it little
    # by IoU, so the share of the smaller box counts as well.
    inside = one.intersection_area(other) / min(one.area, other.area)
    return one.iou(other) > 0.3 or inside > 0.6
