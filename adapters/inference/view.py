"""What a detector looks at: an image at the sizes that suit it, and the way back."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from domain.face import FaceDetection
from domain.geometry import BoundingBox, Point
from domain.image import Image

# A view with a longer side is looked at in tiles, which bounds the memory that a network takes.
_TILE_SIDE = 1536
# How much smaller each look at a picture is than the one before.
_STEP = 5
# A box that comes this close to the edge of a tile may go on beyond it; in pixels.
_TOUCHES = 2
_NEAR_LIMIT = 0.7


@dataclass(frozen=True, slots=True)
class Sight:
    """Which faces a detector sees well, by their longer side in the pixels it looks at.

    Attributes:
        smallest: found from here on.
        largest: found up to here. A picture that may hold larger faces is looked at again, smaller.
        usual_side: how long a view's longer side is at least, even where the smallest wanted face
            asks for less: more pixels make faces more certain and boxes more exact.
        stream_side: the same, for callers in a hurry.
        overview_side: longer side of the smallest look at a picture, its border left out.
        border: black columns and rows on each side of the smallest look, as a part of its longer
            side, so that faces have room that fill or leave the picture.
    """

    smallest: float
    largest: float
    usual_side: int
    stream_side: int
    overview_side: int
    border: float


@dataclass(frozen=True, slots=True)
class DetectionView:
    """An image, or a part of one, scaled for a detector.

    Attributes:
        pixels: uint8, height x width x 3, RGB.
        ratio_x: pixels of the view per pixel of the original, across.
        ratio_y: likewise, down; they differ by rounding only.
        left: column of the view that is the original's first; negative in tiles.
        top: row of the view that is the original's first.
        cut: which sides (left, top, right, bottom) are no edges of the original, because more of
            it lies beyond them.
        least_px: longer side from which on boxes are believed; a finer view tells smaller ones
            better.
        most_px: longer side up to which boxes are believed; a coarser view tells larger ones.
    """

    pixels: NDArray[np.uint8]
    ratio_x: float
    ratio_y: float
    left: int = 0
    top: int = 0
    cut: tuple[bool, bool, bool, bool] = (False, False, False, False)
    least_px: float = 0
    most_px: float = math.inf

    @classmethod
    def of(cls, image: Image, *, ratio: float) -> DetectionView:
        """Scale a whole image.

        Args:
            image: with a uint8 RGB buffer.
            ratio: wanted pixels of the view per pixel of the original.
        """
        pixels = image.pixels
        assert isinstance(pixels, np.ndarray)
        size = (max(round(image.width * ratio), 1), max(round(image.height * ratio), 1))
        if size != pixels.shape[1::-1]:
            shrinks = size[0] <= pixels.shape[1]
            way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
            pixels = np.asarray(cv2.resize(pixels, size, interpolation=way), np.uint8)
        height, width = pixels.shape[:2]
        return cls(pixels, width / image.width, height / image.height)

    def bordered(self, width: int) -> DetectionView:
        """The view with a black border of that many pixels on each side."""
        pixels = cv2.copyMakeBorder(self.pixels, width, width, width, width, cv2.BORDER_CONSTANT)
        return replace(self, pixels=np.asarray(pixels, np.uint8), left=width, top=width)

    def tiles(self, overlap: int) -> Iterator[DetectionView]:
        """The view in parts that share ``overlap`` pixels with their neighbours."""
        height, width = self.pixels.shape[:2]
        rows, columns = _spans(height, overlap), _spans(width, overlap)
        for (top, bottom), (left, right) in itertools.product(rows, columns):
            yield replace(
                self,
                pixels=self.pixels[top:bottom, left:right],
                left=self.left - left,
                top=self.top - top,
                cut=(left > 0, top > 0, right < width, bottom < height),
            )

    def point(self, x: float, y: float) -> Point:
        """Where a point of the view lies in the original."""
        return Point((x - self.left) / self.ratio_x, (y - self.top) / self.ratio_y)

    def box(self, x: float, y: float, width: float, height: float) -> BoundingBox:
        """Where a box of the view lies in the original; at least one pixel large."""
        corner, opposite = self.point(x, y), self.point(x + width, y + height)
        left, top, right, bottom = map(round, (corner.x, corner.y, opposite.x, opposite.y))
        return BoundingBox(left, top, max(right - left, 1), max(bottom - top, 1))

    def holds(self, x: float, y: float, width: float, height: float) -> bool:
        """Whether a box is to be taken from this view: another one tells the others better."""
        if not self.least_px <= max(width, height) <= self.most_px:
            return False
        rows, columns = self.pixels.shape[:2]
        beyond = (
            x < _TOUCHES,
            y < _TOUCHES,
            x + width > columns - _TOUCHES,
            y + height > rows - _TOUCHES,
        )
        return not any(over and cut for over, cut in zip(beyond, self.cut, strict=True))


def views_of(
    image: Image, sight: Sight, *, min_size_px: int, fit_within: tuple[int, int] | None
) -> Iterator[DetectionView]:
    """The views in which a detector finds every wanted face of an image.

    The first is fine enough for the smallest wanted face, and never has more pixels than the
    image where that is larger than ``usual_side``. While a face that fills the picture would be
    too large for the detector, another view follows that is five times smaller, so all views
    together have about four hundredths more pixels than the first.

    Args:
        image: with a uint8 RGB buffer.
        sight: of the detector.
        min_size_px: longer side of the smallest wanted face, in the original's pixels.
        fit_within: width and height in pixels that every view fits into; None for any.
    """
    longer_side = max(image.width, image.height)
    ratio = finest_ratio(image, sight, min_size_px=min_size_px, fit_within=fit_within)
    least_px = 0.0
    while True:
        view = replace(DetectionView.of(image, ratio=ratio), least_px=least_px)
        if longer_side * ratio <= sight.largest:
            yield view.bordered(round(sight.border * max(view.pixels.shape)))
            return
        # A face that is not whole in any tile is large enough for the next view.
        yield from replace(view, most_px=sight.largest).tiles(round(_STEP * sight.smallest))
        coarser = max(ratio / _STEP, sight.overview_side / longer_side)
        # Faces near the limit are taken from both views, so that none falls between them.
        least_px = _NEAR_LIMIT * sight.largest * coarser / ratio
        ratio = coarser


def finest_ratio(
    image: Image, sight: Sight, *, min_size_px: int, fit_within: tuple[int, int] | None
) -> float:
    """Pixels of the first view of ``views_of`` per pixel of the original."""
    usual_side = sight.usual_side if fit_within is None else sight.stream_side
    usual = usual_side / max(image.width, image.height)
    ratio = min(max(sight.smallest / max(min_size_px, 1), usual), max(usual, 1.0))
    if fit_within is not None:
        ratio = min(ratio, fit_within[0] / image.width, fit_within[1] / image.height, 1.0)
    return ratio


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


def _spans(length: int, overlap: int) -> list[tuple[int, int]]:
    """Equal parts of a side, none longer than a tile's, that overlap."""
    parts = max(math.ceil((length - overlap) / (_TILE_SIDE - overlap)), 1)
    step = (length - overlap) / parts
    return [
        (math.floor(part * step), min(math.ceil(part * step + step) + overlap, length))
        for part in range(parts)
    ]


def _same_face(one: BoundingBox, other: BoundingBox) -> bool:
    # A box inside another one (an eye and a cheek taken for a face of their own) overlaps it little
    # by IoU, so the share of the smaller box counts as well.
    inside = one.intersection_area(other) / min(one.area, other.area)
    return one.iou(other) > 0.3 or inside > 0.6
