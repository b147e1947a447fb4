"""Looking again at the boxes that a face detector drew, above all at those it is not sure of."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from adapters.inference.box_matching import iou
from adapters.inference.scaling import scaled
from adapters.onnx.face_candidates import NUMBERS, FaceCandidates, confidence_of
from adapters.onnx.network import OnnxNetwork
from application.errors import InferenceUnavailable

INPUT = "crops"
OUTPUT = "faces"
# An image of noise has thousands of doubtful boxes, and a crowd hundreds of faces: only the
# likeliest of a view are looked at, and the others stay as they are.
_MAX_CROPS = 64
_BATCH = 16
_MAX_SPAN = 10
_STILL_THERE = 1.0
"""Log-odds from which on a face is where it was expected. On the tuning slice of the training
photographs 98 % of the faces that had moved by up to three tenths of their side had them, and 0.2 %
of places without a face."""
_CLOSE = 0.7
"""IoU of the expected and the new box below which a face is looked at again at its new place: with
a shift of three tenths the IoU with the detector's box was 0.86 then, and 0.91 after another look.
"""


@dataclass(frozen=True, slots=True)
class Crop:
    """A square cut out of an image and scaled.

    Attributes:
        pixels: uint8, side x side x 3.
        left: column of the image at its left edge; may lie outside.
        top: row of the image at its upper edge.
        scale: pixels of the image per pixel of the crop.
    """

    pixels: NDArray[np.uint8]
    left: int
    top: int
    scale: float


class FaceRefiner:
    """A network that sees each box in a crop of its own.

    The second stage of a cascade (K. Zhang et al., "Joint face detection and alignment using
    multi-task cascaded convolutional networks", 2016). It judges doubtful boxes anew, and places
    the five points of all faces, which the detector hardly turns with a tilted head. Most images
    have few boxes, so it may spend far more on each than the detector can.

    It reads ``crops``, uint8, N x side x side x 3, RGB, and answers ``faces``, float32, N x 15: the
    log-odds that the box in the middle lies on a face, that face's left, upper, right and lower
    side, and five points, all in pixels of the crop. A JSON file of the same name beside it holds
    ``name``, ``version``, ``file_sha256``, ``span`` (the crop's side in longer sides of the box),
    ``doubtful`` (from which to which confidence a box is doubtful) and ``confidence``: what the
    log-odds of ``detector`` and ``refiner`` weigh in the new confidence, and its ``offset``.

    Attributes:
        least: confidence from which on a box is doubtful, and not nothing.
    """

    def __init__(self, weights: Path) -> None:
        """Load the network.

        Args:
            weights: an ONNX file with its JSON file beside it.

        Raises:
            InferenceUnavailable: a file is missing, damaged or another kind of network, or the two
                do not belong together.
        """
        self._network = OnnxNetwork.load(
            weights, reads=INPUT, answers=OUTPUT, facts=("span", "doubtful", "confidence")
        )
        facts = self._network.facts
        file = weights.with_suffix(".json").name
        try:
            self._span = float(facts["span"])
            self.least, self._most = map(float, facts["doubtful"])
            confidence = facts["confidence"]
            self._coefficients = [float(confidence[of]) for of in ("detector", "refiner", "offset")]
        except (KeyError, TypeError, ValueError) as error:
            raise InferenceUnavailable(
                f"{file}: span, doubtful and confidence cannot be used: {error}"
            ) from error
        usable = 0 < self.least < self._most < 1 and 0 < self._span < _MAX_SPAN
        if not (usable and all(map(math.isfinite, self._coefficients))):
            raise InferenceUnavailable(f"{file}: span, doubtful or confidence is out of range")
        side = self._network.input_shape[1]
        if not isinstance(side, int):
            raise InferenceUnavailable(f"{weights.name} must read crops of a fixed size")
        self._side = side
        answer = self._network.run(np.zeros((1, self._side, self._side, 3), np.uint8)).shape
        if answer != (1, NUMBERS):
            raise InferenceUnavailable(f"{weights.name} must answer {NUMBERS} numbers a crop")

    def refine(self, pixels: NDArray[np.uint8], found: FaceCandidates) -> FaceCandidates:
        """Judge the doubtful candidates anew, and draw the others more exactly.

        Args:
            pixels: uint8, height x width x 3, RGB, in which the candidates were found.
            found: the highest confidence first. The first 64 doubtful ones and the first 64 others
                are looked at.

        Raises:
            InferenceUnavailable: the network failed.
        """
        sure = np.flatnonzero(found.confidences >= self._most)[:_MAX_CROPS]
        rows = np.concatenate([sure, self.doubtful(found)])
        if not len(rows):
            return found
        seen, others = found[rows], found[np.delete(np.arange(len(found)), rows)]
        log_odds, moved = self.judge(pixels, seen)
        end = len(sure)
        judged = self._confidence(seen.confidences[end:], log_odds[end:])
        # Of a sure box both networks are right, and the mean of both boxes is better than either.
        drawn = (moved.boxes[:end] + seen.boxes[:end]) / 2
        refined = FaceCandidates(
            np.concatenate([seen.confidences[:end], judged]),
            np.concatenate([drawn, moved.boxes[end:]]),
            moved.landmarks,
        )
        return refined + others

    def follow(self, pixels: NDArray[np.uint8], expected: FaceCandidates) -> FaceCandidates:
        """Look for known faces where they should be.

        Args:
            pixels: as for ``refine``.
            expected: at least one face, as it was last seen, with the box where it should be.

        Returns:
            Those that are there, in the same order, with the boxes and landmarks of now.

        Raises:
            InferenceUnavailable: the network failed.
        """
        log_odds, seen = self.judge(pixels, expected)
        pairs = zip(expected.boxes, seen.boxes[:, np.newaxis], strict=True)
        off = np.flatnonzero([iou(box, now)[0] < _CLOSE for box, now in pairs])
        off = off[log_odds[off] >= _STILL_THERE]
        if len(off):
            # The face lies beside the middle of its crop, where boxes are less exact.
            log_odds[off], nearer = self.judge(pixels, seen[off])
            seen.boxes[off], seen.landmarks[off] = nearer.boxes, nearer.landmarks
        return seen[log_odds >= _STILL_THERE]

    def doubtful(self, found: FaceCandidates) -> NDArray[np.intp]:
        """Which candidates are judged anew."""
        asked = (found.confidences >= self.least) & (found.confidences < self._most)
        return np.flatnonzero(asked)[:_MAX_CROPS]

    def judge(
        self, pixels: NDArray[np.uint8], found: FaceCandidates
    ) -> tuple[NDArray[np.float32], FaceCandidates]:
        """Judge each candidate in a crop of its own.

        Args:
            pixels: as for ``refine``.
            found: at least one candidate.

        Returns:
            float32 (N,), the network's log-odds that each lies on a face; and the candidates with
            the boxes and landmarks that it sees.
        """
        cut = [crop_around(pixels, box, span=self._span, side=self._side) for box in found.boxes]
        batches = (cut[first : first + _BATCH] for first in range(0, len(cut), _BATCH))
        answers = np.concatenate(
            [self._network.run(np.stack([crop.pixels for crop in batch])) for batch in batches]
        )
        corners = np.array([(crop.left, crop.top) for crop in cut], np.float32)
        scales = np.array([crop.scale for crop in cut], np.float32)
        points = answers[:, 1:].reshape(-1, 7, 2) * scales[:, None, None] + corners[:, None]
        moved = FaceCandidates(found.confidences, points[:, :2].reshape(-1, 4), points[:, 2:])
        return answers[:, 0], moved

    def _confidence(
        self, confidences: NDArray[np.float32], log_odds: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        first, second, offset = self._coefficients
        before = np.log(confidences / (1 - confidences))
        return confidence_of(first * before + second * log_odds + offset)


def crop_around(
    pixels: NDArray[np.uint8], box: NDArray[np.float32], *, span: float, side: int
) -> Crop:
    """Cut out a square around the middle of a box; what lies outside the image is black.

    Args:
        pixels: uint8, height x width x 3.
        box: left, top, right, bottom.
        span: the square's side, in longer sides of the box.
        side: pixels of the crop.
    """
    half = max(box[2] - box[0], box[3] - box[1]) * span / 2
    left, top = (round(float(box[axis] + box[axis + 2]) / 2 - half) for axis in (0, 1))
    length = max(round(2 * half), 1)
    height, width = pixels.shape[:2]
    # The part inside the image is scaled first: a box may be far larger than the image.
    inside = (max(left, 0), max(top, 0), min(left + length, width), min(top + length, height))
    crop = np.zeros((side, side, 3), np.uint8)
    first, above, last, below = (
        round((edge - corner) * side / length)
        for edge, corner in zip(inside, (left, top, left, top), strict=True)
    )
    if first < last and above < below:
        part = pixels[inside[1] : inside[3], inside[0] : inside[2]]
        crop[above:below, first:last] = scaled(part, (last - first, below - above))
    return Crop(crop, left, top, length / side)
