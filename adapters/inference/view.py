"""The scaled views of an image that a detector sees, and mapping boxes back."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from adapters.inference.scaling import scaled
from application.ports.face_detector import WantedFaces
from domain.face import FaceDetection
from domain.geometry import BoundingBox, Point
from domain.image import Image

# A view with more pixels is split into tiles: on each thread ONNX Runtime holds 32 bytes a pixel.
_TILE_PIXELS = 640_000
_MIN_SIDE = 64
# The scale of each view relative to the one before.
_STEP = 5
# A box this close to the edge of a tile, in pixels, may continue beyond it.
_TOUCHES = 2
_NEAR_LIMIT = 0.7
_MAX_FACES = 500


@dataclass(frozen=True, slots=True)
class FaceSizes:
    """Which sizes of faces a detector finds well, and which views of an image it gets for that.

    A face's size is its longer side in pixels of the view.

    Attributes:
        smallest: found from this size on.
        easy: from this size on found as surely as larger ones.
        largest: found up to this size. An image that may contain larger faces gets a smaller view
            too.
        usual_sides: least and greatest longer side of a view that is as fine as makes the smallest
            wanted face ``easy``, even if a coarser one would show it.
        session_side: longer side of a view for live sessions, likewise.
        overview_side: longer side of the smallest view, without its border.
        border: black border of the smallest view, as a part of its longer side, for faces that fill
            the image or reach over its edge.
    """

    smallest: float
    easy: float
    largest: float
    usual_sides: tuple[int, int]
    session_side: int
    overview_side: int
    border: float


@dataclass(frozen=True, slots=True)
class DetectionView:
    """An image, or a part of one, scaled for a detector.

    Attributes:
        pixels: uint8, height x width x 3, RGB.
        ratio_x: pixels of the view per pixel of the original, across.
        ratio_y: likewise, down; they differ only by rounding.
        left: column of the view that is the original's first; negative in tiles.
        top: row of the view that is the original's first.
        cut: which sides (left, top, right, bottom) are inside the original, not at its edge.
        min_px: least longer side of boxes taken from this view; a finer view finds smaller ones
            better.
        max_px: largest longer side of boxes taken from this view; a coarser view finds larger
            ones.
    """

    pixels: NDArray[np.uint8]
    ratio_x: float
    ratio_y: float
    left: int = 0
    top: int = 0
    cut: tuple[bool, bool, bool, bool] = (False, False, False, False)
    min_px: float = 0
    max_px: float = math.inf

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
        pixels = scaled(pixels, size)
        height, width = pixels.shape[:2]
        return cls(pixels, width / image.width, height / image.height)

    def bordered(self, width: int) -> DetectionView:
        """The view with a black border of that many pixels on each side."""
        pixels = cv2.copyMakeBorder(self.pixels, width, width, width, width, cv2.BORDER_CONSTANT)
        return replace(self, pixels=np.asarray(pixels, np.uint8), left=width, top=width)

    def tiles(self, overlap: int) -> Iterator[DetectionView]:
        """The view as tiles that share ``overlap`` pixels with their neighbours."""
        height, width = self.pixels.shape[:2]
        down, across = _tiling(height, width, overlap)
        rows, columns = _spans(height, down, overlap), _spans(width, across, overlap)
        for (top, bottom), (left, right) in itertools.product(rows, columns):
            yield replace(
                self,
                pixels=self.pixels[top:bottom, left:right],
                left=self.left - left,
                top=self.top - top,
                cut=(left > 0, top > 0, right < width, bottom < height),
            )

    def point(self, x: float, y: float) -> Point:
        """A point of the view in pixels of the original."""
        return Point((x - self.left) / self.ratio_x, (y - self.top) / self.ratio_y)

    def box(self, x: float, y: float, width: float, height: float) -> BoundingBox:
        """A box of the view in pixels of the original; at least one pixel large."""
        corner, opposite = self.point(x, y), self.point(x + width, y + height)
        left, top, right, bottom = map(round, (corner.x, corner.y, opposite.x, opposite.y))
        return BoundingBox(left, top, max(right - left, 1), max(bottom - top, 1))

    def holds(self, x: float, y: float, width: float, height: float) -> bool:
        """Whether a box is taken from this view; others are found better in another view."""
        if not self.min_px <= max(width, height) <= self.max_px:
            return False
        rows, columns = self.pixels.shape[:2]
        beyond = (
            x < _TOUCHES,
            y < _TOUCHES,
            x + width > columns - _TOUCHES,
            y + height > rows - _TOUCHES,
        )
        return not any(over and cut for over, cut in zip(beyond, self.cut, strict=True))


def views_of(image: Image, wanted: WantedFaces, sizes: FaceSizes) -> Iterator[DetectionView]:
    """The views in which a detector finds every wanted face of an image; see ``scales_of``."""
    return itertools.chain.from_iterable(scales_of(image, wanted, sizes))


def scales_of(
    image: Image, wanted: WantedFaces, sizes: FaceSizes
) -> Iterator[Sequence[DetectionView]]:
    """The same views, those of one scale together, the finest scale first.

    It is fine enough for the smallest wanted face, and never has more pixels than the image where
    that is larger than ``usual_sides``. As long as a face that fills the image would be too large
    for the detector, a scale that is five times smaller follows, so all views together have about
    4 % more pixels than the first. A scale is made when it is asked for.

    Args:
        image: with a uint8 RGB buffer.
        wanted: the faces; every view fits into ``fit_within``.
        sizes: of the detector.
    """
    longer_side = max(image.width, image.height)
    ratio = finest_ratio(image, wanted, sizes)
    min_px = 0.0
    while True:
        view = replace(DetectionView.of(image, ratio=ratio), min_px=min_px)
        if longer_side * ratio <= sizes.largest:
            yield [view.bordered(round(sizes.border * max(view.pixels.shape)))]
            return
        overlap = _STEP * sizes.smallest
        tiles = list(replace(view, max_px=sizes.largest).tiles(round(overlap)))
        yield tiles
        coarser = max(ratio / _STEP, sizes.overview_side / longer_side)
        # Faces near the limit are taken from both views, so that none is missed, and so are those
        # that no tile may contain as a whole.
        min_px = _NEAR_LIMIT * sizes.largest if len(tiles) == 1 else overlap
        min_px *= coarser / ratio
        ratio = coarser


def finest_ratio(image: Image, wanted: WantedFaces, sizes: FaceSizes) -> float:
    """Pixels of the first view of ``views_of`` per pixel of the original."""
    fit_within = wanted.fit_within
    longer_side, wanted_px = max(image.width, image.height), max(wanted.min_size_px, 1)
    least, most = sizes.usual_sides if fit_within is None else (sizes.session_side,) * 2
    usual = min(max(sizes.easy / wanted_px, least / longer_side), most / longer_side)
    ratio = min(max(sizes.smallest / wanted_px, usual), max(usual, 1.0))
    if fit_within is not None:
        ratio = min(ratio, fit_within[0] / image.width, fit_within[1] / image.height, 1.0)
    return ratio


def keep_faces(
    found: Sequence[FaceDetection], image: Image, wanted: WantedFaces
) -> list[FaceDetection]:
    """The last step of every detector.

    Clips boxes to the image, removes small and doubtful ones and duplicates, and sorts the largest
    face first. Only the 500 largest stay, because each is classified, sent and stored.
    """
    kept: list[FaceDetection] = []
    corners = np.empty((len(found), 4), np.int64)
    for face in sorted(found, key=lambda face: -face.confidence):
        box = face.box.clipped_to(image.width, image.height)
        if box is None or box.longer_side < wanted.least_size_px:
            continue
        if face.confidence < wanted.min_confidence:
            break  # So are all that follow.
        if not _is_among(box, corners[: len(kept)]):
            corners[len(kept)] = (box.x, box.y, box.right, box.bottom)
            kept.append(FaceDetection(box, face.confidence, face.landmarks))
    return sorted(kept, key=lambda face: -face.box.area)[:_MAX_FACES]


def _tiling(height: int, width: int, overlap: int) -> tuple[int, int]:
    """The number of tiles down and across; the longer side of a tile is split first."""
    down = across = 1
    while True:
        tall, wide = _part(height, down, overlap), _part(width, across, overlap)
        # A network pads short sides to whole cells, so a view of few rows is larger than it seems.
        if max(tall, _MIN_SIDE) * max(wide, _MIN_SIDE) <= _TILE_PIXELS:
            return down, across
        if tall > wide:
            down += 1
        else:
            across += 1


def _part(length: int, parts: int, overlap: int) -> float:
    return (length - overlap) / parts + overlap


def _spans(length: int, parts: int, overlap: int) -> list[tuple[int, int]]:
    """Equal overlapping spans of a side."""
    step = _part(length, parts, overlap) - overlap
    return [
        (math.floor(part * step), min(math.ceil(part * step + step) + overlap, length))
        for part in range(parts)
    ]


def _is_among(box: BoundingBox, others: NDArray[np.int64]) -> bool:
    """Whether one of the boxes, given by their corners, holds the same face.

    All at once: an image of a thousand faces would take seconds one by one.
    """
    if not len(others):
        return False
    sides = others[:, 2:] - others[:, :2]
    shared = np.minimum(others[:, 2:], (box.right, box.bottom)) - np.maximum(
        others[:, :2], (box.x, box.y)
    )
    common = shared.clip(0).prod(axis=1)
    areas = sides.prod(axis=1)
    # A box inside another (such as an eye or a cheek detected as a face) has a low IoU, so the
    # share of the smaller box counts too.
    same = (common > 0.3 * (areas + box.area - common)) | (
        common > 0.6 * np.minimum(areas, box.area)
    )
    return bool(same.any())
