"""What a face detector's network answers, as boxes that may hold a face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

NUMBERS = 15
"""Per cell: a confidence, four distances to the sides of the box, five points."""

# In noise every cell may be a candidate.
_MAX_CELLS = 5000


@dataclass(frozen=True, slots=True)
class FaceCandidates:
    """Boxes that may hold a face, in pixels of the image that the network saw.

    Attributes:
        scores: float32 (N,), in [0, 1].
        boxes: float32 (N, 4), left, top, right, bottom.
        landmarks: float32 (N, 5, 2), x and y of the person's right eye, left eye, nose, right and
            left corner of the mouth.
    """

    scores: NDArray[np.float32]
    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> FaceCandidates:
        return FaceCandidates(self.scores[rows], self.boxes[rows], self.landmarks[rows])

    def __add__(self, other: FaceCandidates) -> FaceCandidates:
        return FaceCandidates(
            np.concatenate([self.scores, other.scores]),
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
    """Read the cells of one image, without duplicates, the highest score first.

    Args:
        cells: float32, A x 15, the cells of each stride one after the other, row by row; column 0
            holds the score. Distances and points are relative to the cell's centre, in pixels.
        shape: height and width of the image, whole multiples of the largest stride.
        strides: of the grids.
        least: score from which a box is a candidate.
        iou: intersection over union from which two boxes are one candidate.
    """
    picked = np.flatnonzero(cells[:, 0] >= least)
    rows, centres = cells[picked], _centres(picked, shape, strides)
    corners, opposite = centres - rows[:, 1:3], centres + rows[:, 3:5]
    sides = np.hstack([corners, opposite - corners])
    scores = rows[:, 0].tolist()
    chosen = cv2.dnn.NMSBoxes(sides.tolist(), scores, 0.0, iou, top_k=_MAX_CELLS)
    kept = np.array(chosen, int).ravel()
    points = rows[kept, 5:].reshape(-1, 5, 2) + centres[kept, np.newaxis]
    return FaceCandidates(rows[kept, 0], np.hstack([corners, opposite])[kept], points)


def _centres(
    cells: NDArray[np.intp], shape: tuple[int, int], strides: Sequence[int]
) -> NDArray[np.float32]:
    """The centres of cells, x and y in pixels.

    Args:
        cells: N positions in the network's answer.
        shape: height and width of its input.
        strides: of its grids.

    Returns:
        float32, N x 2.
    """
    centres = np.empty((len(cells), 2), np.float32)
    first = 0
    for stride in strides:
        columns = shape[1] // stride
        last = first + columns * (shape[0] // stride)
        here = (cells >= first) & (cells < last)
        row, column = np.divmod(cells[here] - first, columns)
        centres[here] = np.stack([column, row], axis=1) * stride + stride / 2
        first = last
    return centres
