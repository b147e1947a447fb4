"""What a face detector's network answers, as boxes that may hold a face."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

NUMBERS = 15
"""Per cell: the log-odds of a face, four distances to the sides of the box, five points."""

# In noise every cell may be a candidate.
_MAX_CELLS = 5000
# A box of e^5 strides, 4,700 pixels at the largest stride, is larger than any view.
MAX_LOG = 5
# Log-odds beyond which a float32 is 0 or 1.
_SURE = 15


@dataclass(frozen=True, slots=True)
class FaceCandidates:
    """Boxes that may hold a face, in pixels of the image that the network saw.

    Attributes:
        confidences: float32 (N,), in [0, 1].
        boxes: float32 (N, 4), left, top, right, bottom.
        landmarks: float32 (N, 5, 2), x and y of the person's right eye, left eye, nose, right and
            left corner of the mouth.
    """

    confidences: NDArray[np.float32]
    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]

    @property
    def rectangles(self) -> NDArray[np.float32]:
        """The boxes by left and upper edge, width and height; float32 (N, 4)."""
        corners, opposite = self.boxes[:, :2], self.boxes[:, 2:]
        return np.hstack([corners, opposite - corners])

    def __len__(self) -> int:
        return len(self.confidences)

    def __getitem__(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> FaceCandidates:
        return FaceCandidates(self.confidences[rows], self.boxes[rows], self.landmarks[rows])

    def __add__(self, other: FaceCandidates) -> FaceCandidates:
        return FaceCandidates(
            np.concatenate([self.confidences, other.confidences]),
            np.concatenate([self.boxes, other.boxes]),
            np.concatenate([self.landmarks, other.landmarks]),
        )


def candidates_of(
    cells: NDArray[np.float32],
    shape: tuple[int, int],
    strides: Sequence[int],
    *,
    least: float,
    iou: float,
) -> FaceCandidates:
    """Read the cells of one image, without duplicates, the highest confidence first.

    Args:
        cells: float32, 15 x A, the cells of each stride one after the other, row by row. Row 0
            holds the log-odds of a face; rows 1 to 4 the logarithms of the distances to the left,
            upper, right and lower side of the box; the others five points; all relative to the
            cell's centre, in strides.
        shape: height and width of the image, whole multiples of the largest stride.
        strides: of the grids.
        least: confidence from which a box is a candidate, in (0, 1).
        iou: intersection over union from which two boxes are one candidate.
    """
    # Few cells are candidates, and only those are decoded.
    picked = np.flatnonzero(cells[0] >= math.log(least / (1 - least)))
    rows = cells[:, picked].T
    centres, units = _centres(picked, shape, strides)
    reach = np.exp(rows[:, 1:5].clip(-MAX_LOG, MAX_LOG)) * units
    points = rows[:, 5:].reshape(-1, 5, 2) * units[:, np.newaxis] + centres[:, np.newaxis]
    boxes = np.hstack([centres - reach[:, :2], centres + reach[:, 2:]])
    return without_duplicates(FaceCandidates(confidence_of(rows[:, 0]), boxes, points), iou)


def without_duplicates(found: FaceCandidates, iou: float) -> FaceCandidates:
    """Of boxes with at least this intersection over union the likeliest; it comes first."""
    if len(found) < 2:
        return found
    rectangles, confidences = found.rectangles.tolist(), found.confidences.tolist()
    chosen = cv2.dnn.NMSBoxes(rectangles, confidences, 0.0, iou, top_k=_MAX_CELLS)
    return found[np.array(chosen, int).ravel()]


def confidence_of(log_odds: NDArray[np.float32]) -> NDArray[np.float32]:
    """The confidences, in [0, 1], of the log-odds of a face."""
    return np.asarray(1 / (1 + np.exp(-log_odds.clip(-_SURE, _SURE))), np.float32)


def _centres(
    cells: NDArray[np.intp], shape: tuple[int, int], strides: Sequence[int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The centres of cells, and their strides.

    Args:
        cells: N positions in the network's answer.
        shape: height and width of its input.
        strides: of its grids.

    Returns:
        float32, N x 2, x and y in pixels; and float32, N x 1.
    """
    columns = [shape[1] // stride for stride in strides]
    ends = np.cumsum([shape[0] // s * wide for s, wide in zip(strides, columns, strict=True)])
    grid = np.searchsorted(ends, cells, "right")
    first = np.concatenate([[0], ends])[grid]
    row, column = np.divmod(cells - first, np.array(columns)[grid])
    units = np.array(strides, np.float32)[grid, np.newaxis]
    cell = np.stack([column, row], axis=1).astype(np.float32)
    return np.asarray((cell + 0.5) * units, np.float32), units
