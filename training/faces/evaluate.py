"""Recall, false boxes, overlap and landmarks on images with labelled faces."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from adapters.inference.box_matching import IGNORED_FACE, BoxMatches, match_boxes
from adapters.onnx.face_candidates import FaceCandidates

from .data import Labels, Photo

LONG_SIDE = 640
"""The network gets images at this long side, in pixels."""
READS = (9, 200)
"""Sizes of the faces (root of the area, pixels of the view) that the network reads."""
_SMALLER = 0.4
"""The second view, in shares of the first: for faces that are too large in the first."""
SAME_FACE = 0.4
"""Boxes that overlap more (intersection over union) are the same face."""
_OVERLAP = 0.45
_INSIDE = 0.6


Finder = Callable[[NDArray[np.uint8]], FaceCandidates]
"""Finds faces in RGB pixels, uint8 (H, W, 3), H and W multiples of 32; the likeliest first."""


def in_two_views(find: Finder) -> Finder:
    """Also uses a smaller view, for faces that are too large in the first, like the service."""

    def look(pixels: NDArray[np.uint8]) -> FaceCandidates:
        height, width = pixels.shape[:2]
        near = _sized(find(pixels), 0, READS[1])
        to = (max(round(width * _SMALLER), 1), max(round(height * _SMALLER), 1))
        small = cv2.resize(pixels, to, interpolation=cv2.INTER_AREA)
        far = _sized(find(_filled_up(small)), READS[1] * _SMALLER * 0.7, np.inf)
        ratio = np.array([width / to[0], height / to[1]], np.float32)
        return _united(
            near,
            FaceCandidates(far.confidences, far.boxes * np.tile(ratio, 2), far.landmarks * ratio),
        )

    return look


def _sized(found: FaceCandidates, least: float, most: float) -> FaceCandidates:
    size = np.sqrt((found.boxes[:, 2:] - found.boxes[:, :2]).prod(1))
    return found[(size >= least) & (size <= most)]


def _united(one: FaceCandidates, other: FaceCandidates) -> FaceCandidates:
    """The faces of both; of two that are the same or one within the other, the one with the higher
    score.
    """
    both = one + other
    boxes = both.boxes
    kept: list[int] = []
    for index in np.argsort(-both.confidences, kind="stable"):
        area = (boxes[index, 2:] - boxes[index, :2]).prod()
        before = boxes[kept]
        corner = np.maximum(boxes[index, :2], before[:, :2])
        shared = np.clip(np.minimum(boxes[index, 2:], before[:, 2:]) - corner, 0, None).prod(1)
        others = (before[:, 2:] - before[:, :2]).prod(1)
        same = shared / np.maximum(area + others - shared, 1e-6) > SAME_FACE
        inside = shared / np.maximum(np.minimum(area, others), 1e-6) > _INSIDE
        if not (same | inside).any():
            kept.append(int(index))
    return both[np.array(kept, int)]


@dataclass(frozen=True, slots=True)
class Judged:
    """The answers for an image and its labels, at the size it was analysed.

    Attributes:
        confidences: float32 (N,), of every box that counts.
        true: bool (N,), whether the box lies on a labelled face.
        sizes: float32 (F,), of the faces to be found: root of the area in pixels.
        found_at: float32 (F,), confidence of the box on each; 0 without one.
        overlaps: float32 (F,), intersection over union; 0 without one.
        landmark_errors: float32 (F,), mean distance of the five points in sizes of the box; nan
            without one.
    """

    confidences: NDArray[np.float32]
    true: NDArray[np.bool_]
    sizes: NDArray[np.float32]
    found_at: NDArray[np.float32]
    overlaps: NDArray[np.float32]
    landmark_errors: NDArray[np.float32]


def shown(photo: Photo, long_side: int = LONG_SIDE) -> tuple[NDArray[np.uint8], Labels]:
    """An image scaled to a long side and padded with black to multiples of 32."""
    rows, columns = photo.pixels.shape[:2]
    ratio = long_side / max(rows, columns)
    to = (max(round(columns * ratio), 1), max(round(rows * ratio), 1))
    method = cv2.INTER_AREA if ratio < 1 else cv2.INTER_LINEAR
    pixels = cv2.resize(photo.pixels, to, interpolation=method)
    labels = photo.labels
    return _filled_up(np.asarray(pixels, np.uint8)), Labels(
        labels.boxes * ratio, labels.landmarks * ratio, labels.agreed
    )


def _filled_up(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Black added below and on the right, to multiples of 32."""
    below, right = -pixels.shape[0] % 32, -pixels.shape[1] % 32
    border = cv2.BORDER_CONSTANT
    return np.asarray(cv2.copyMakeBorder(pixels, 0, below, 0, right, border, value=0), np.uint8)


def matched(found: FaceCandidates, labels: Labels) -> BoxMatches:
    """Which of the faces to be found each box lies on."""
    wanted, doubtful = labels.boxes[labels.agreed == 1], labels.boxes[labels.agreed == 0]
    return match_boxes(found.boxes, wanted, doubtful, min_iou=_OVERLAP)


def judge(found: FaceCandidates, labels: Labels) -> Judged:
    """Compare the answers for one image with its labels.

    A box on a doubtful face counts neither for nor against.
    """
    wanted = np.flatnonzero(labels.agreed == 1)
    boxes = labels.boxes[wanted]
    sizes = np.sqrt((boxes[:, 2:] - boxes[:, :2]).prod(1))
    found_at, overlaps = np.zeros(len(wanted), np.float32), np.zeros(len(wanted), np.float32)
    errors = np.full(len(wanted), np.nan, np.float32)
    matches = matched(found, labels)
    hit = matches.faces >= 0
    on = matches.faces[hit]
    found_at[on], overlaps[on] = found.confidences[hit], matches.ious[hit]
    distances = np.linalg.norm(found.landmarks[hit] - labels.landmarks[wanted[on]], axis=-1)
    errors[on] = distances.mean(-1) / sizes[on]
    counts = matches.faces != IGNORED_FACE
    return Judged(found.confidences[counts], hit[counts], sizes, found_at, overlaps, errors)


def judge_all(find: Finder, photos: Iterable[Photo]) -> list[Judged]:
    """Judge a detector on images."""
    judged = []
    for photo in photos:
        pixels, labels = shown(photo)
        judged.append(judge(find(pixels), labels))
    return judged


def threshold_for(judged: Sequence[Judged], false_boxes: int) -> float:
    """The least confidence at which at most this many boxes are false."""
    false = np.sort(np.concatenate([j.confidences[~j.true] for j in judged]))[::-1]
    return float(false[false_boxes]) + 1e-6 if len(false) > false_boxes else 0.0


def summary(judged: Sequence[Judged], threshold: float) -> dict[str, float]:
    """The figures of a detector at a threshold; NaN where there is nothing to measure."""
    sizes = np.concatenate([j.sizes for j in judged])
    at = np.concatenate([j.found_at for j in judged])
    confidences = np.concatenate([j.confidences for j in judged])
    true = np.concatenate([j.true for j in judged])
    overlaps = np.concatenate([j.overlaps for j in judged])
    errors = np.concatenate([j.landmark_errors for j in judged])
    hit = at >= max(threshold, 1e-9)
    large = sizes >= 16
    small = (sizes >= 8) & (sizes < 16)
    return {
        "threshold": round(threshold, 3),
        "recall_16": _rounded(np.mean, hit[large]),
        "recall_8_16": _rounded(np.mean, hit[small]),
        "false_boxes": int(((confidences >= threshold) & ~true).sum()),
        "mean_iou": _rounded(np.mean, overlaps[hit]),
        "landmark_error": _rounded(np.median, errors[hit & ~np.isnan(errors)]),
        "faces_16": int(large.sum()),
        "faces_8_16": int(small.sum()),
    }


def _rounded(figure: Callable[[NDArray[Any]], Any], values: NDArray[Any]) -> float:
    return round(float(figure(values)), 4) if len(values) else math.nan
