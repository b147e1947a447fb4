"""Matching the boxes that a detector drew with the faces that an image shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NO_FACE = -1
"""In place of a face's index: the box lies on no labelled face."""
IGNORED_FACE = -2
"""In place of a face's index: the box lies on a face that is neither to be found nor wrong."""
# Lower than for faces that count, because detectors draw such boxes less exactly.
_MIN_IOU_IGNORED = 0.3


@dataclass(frozen=True, slots=True)
class BoxMatches:
    """Which face each box lies on.

    Attributes:
        faces: int (N,): the face's index, ``NO_FACE`` or ``IGNORED_FACE``.
        ious: float (N,): intersection over union with that face; 0 without one.
    """

    faces: NDArray[np.int64]
    ious: NDArray[np.float64]


def match_boxes(
    boxes: NDArray[np.floating],
    faces: NDArray[np.floating],
    ignored: NDArray[np.floating],
    *,
    min_iou: float,
) -> BoxMatches:
    """Assign the most confident box to each face, and at most one face to each box.

    All boxes are left, top, right and bottom in pixels.

    Args:
        boxes: float (N, 4), drawn by the detector, the most confident first.
        faces: float (F, 4), the labelled faces that count.
        ignored: float (I, 4), the labelled faces that do not count.
        min_iou: intersection over union from which a box lies on a face that counts.
    """
    matched = np.full(len(boxes), NO_FACE)
    ious = np.zeros(len(boxes))
    is_free = np.ones(len(faces), bool)
    for index, box in enumerate(boxes):
        overlaps = np.where(is_free, iou(box, faces), 0.0)
        best = int(overlaps.argmax()) if len(faces) else NO_FACE
        if best != NO_FACE and overlaps[best] >= min_iou:
            matched[index], ious[index] = best, overlaps[best]
            is_free[best] = False
        elif (iou(box, ignored) >= _MIN_IOU_IGNORED).any():
            matched[index] = IGNORED_FACE
    return BoxMatches(matched, ious)


def iou(box: NDArray[np.floating], others: NDArray[np.floating]) -> NDArray[np.float64]:
    """Intersection over union of a box (4,) with each of the others (N, 4)."""
    corner, opposite = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    shared = np.clip(opposite - corner, 0, None).prod(1)
    area = (box[2:] - box[:2]).prod() + (others[:, 2:] - others[:, :2]).prod(1)
    return np.asarray(shared / np.maximum(area - shared, 1e-6), np.float64)
