"""Measuring a face detector on labelled images."""

from __future__ import annotations

import itertools
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adapters.inference.box_matching import IGNORED_FACE, NO_FACE, match_boxes
from adapters.inference.labelled_images import LabelledFace, LabelledImage
from adapters.inference.labels import BadLabels
from adapters.inference.metrics import bins_of, gap
from application.evaluation import (
    CalibrationBin,
    DetectorEvaluation,
    SizeMetrics,
    ThresholdMetrics,
)
from application.ports.face_detector import FaceDetector, WantedFaces
from application.ports.image_decoder import ImageDecoder
from domain.errors import DomainError
from domain.face import FaceDetection
from domain.geometry import BoundingBox

# From this overlap (IoU) on, a box lies on a face: what M. Everingham et al., "The PASCAL visual
# object classes (VOC) challenge", IJCV 88, 2010, ask for.
_ON_FACE = 0.5
_SIZES = (16, 32, 64, 128, 256)
_RANGES = 10


@dataclass(frozen=True, slots=True)
class _Match:
    """A box that a detector drew.

    Attributes:
        confidence: of the detector.
        face: the labelled face it lies on; None for a false box.
        iou: intersection over union with that face.
        landmark_error: in roots of the face's area; None if there is nothing to compare.
    """

    confidence: float
    face: LabelledFace | None
    iou: float = 0.0
    landmark_error: float | None = None


async def evaluate_detector(
    detector: FaceDetector,
    decoder: ImageDecoder,
    images: Sequence[LabelledImage],
    min_size_px: int,
    on_images: Callable[[int], None],
) -> DetectorEvaluation:
    """Compare the faces that a detector finds with the labels of images.

    Args:
        detector: to be measured.
        decoder: decodes the images.
        images: at least one.
        min_size_px: smallest wanted face; smaller labelled ones do not count.
        on_images: called after every image with the number of images analysed so far.

    Raises:
        BadLabels: an image cannot be read.
        InferenceUnavailable: the detector cannot run.
    """
    wanted: list[LabelledFace] = []
    matches: list[_Match] = []
    seconds = []
    for number, labelled in enumerate(images, start=1):
        try:
            image = await decoder.decode(labelled.path.read_bytes())
        except (DomainError, OSError) as error:
            raise BadLabels(f"{labelled.path}: {error}") from error
        began = time.perf_counter()
        found = await detector.detect(image, WantedFaces(min_size_px))
        seconds.append(time.perf_counter() - began)
        counted = [face for face in labelled.faces if _counts(face, min_size_px)]
        others = [face for face in labelled.faces if not _counts(face, min_size_px)]
        wanted += counted
        matches += _match(found, counted, others)
        on_images(number)
    return _evaluation(
        detector, len(images), min_size_px, wanted, matches, statistics.median(seconds)
    )


def _counts(face: LabelledFace, min_size_px: int) -> bool:
    return not face.ignored and face.longer_side >= min_size_px


def _match(
    found: Sequence[FaceDetection], faces: Sequence[LabelledFace], others: Sequence[LabelledFace]
) -> list[_Match]:
    """Pair boxes with labelled faces; boxes on faces that do not count are left out."""
    boxes = sorted(found, key=lambda face: -face.confidence)
    drawn = _corners([face.box for face in boxes])
    matched = match_boxes(drawn, _corners(faces), _corners(others), min_iou=_ON_FACE)
    matches = []
    for box, index, iou in zip(boxes, matched.faces.tolist(), matched.ious.tolist(), strict=True):
        if index == NO_FACE:
            matches.append(_Match(box.confidence, None))
        elif index != IGNORED_FACE:
            face = faces[index]
            matches.append(_Match(box.confidence, face, iou, _landmark_error(box, face)))
    return matches


def _evaluation(
    detector: FaceDetector,
    images: int,
    min_size_px: int,
    wanted: Sequence[LabelledFace],
    matches: Sequence[_Match],
    median_s: float,
) -> DetectorEvaluation:
    confidences = np.array([match.confidence for match in matches])
    true = np.array([match.face is not None for match in matches], dtype=bool)
    errors = [m.landmark_error for m in matches if m.landmark_error is not None]
    found = [match.face for match in matches if match.face is not None]
    return DetectorEvaluation(
        name=detector.name,
        version=detector.version,
        images=images,
        min_size_px=min_size_px,
        faces=len(wanted),
        found=len(found),
        false_boxes=len(matches) - len(found),
        mean_iou=statistics.mean(m.iou for m in matches if m.face) if found else None,
        landmark_error=statistics.mean(errors) if errors else None,
        calibration_error=gap(confidences, true, _RANGES) if matches else None,
        ms_per_image=median_s * 1000,
        sizes=tuple(_by_size(wanted, found)),
        thresholds=tuple(_by_threshold(confidences, true, len(wanted))),
        confidences=tuple(_by_confidence(confidences, true)),
    )


def _by_size(wanted: Sequence[LabelledFace], found: Sequence[LabelledFace]) -> list[SizeMetrics]:
    metrics = []
    for low, high in itertools.pairwise((0, *_SIZES, None)):
        assert low is not None

        def fits(face: LabelledFace, low: int = low, high: int | None = high) -> bool:
            return low <= face.longer_side and (high is None or face.longer_side < high)

        faces = sum(map(fits, wanted))
        if faces:
            metrics.append(SizeMetrics(low, high, faces, sum(map(fits, found))))
    return metrics


def _by_threshold(
    confidences: NDArray[np.float64], true: NDArray[np.bool_], faces: int
) -> list[ThresholdMetrics]:
    """Only from the least confidence of a box on, because the detector returns no others."""
    if not len(confidences):
        return []
    metrics = []
    for tenth in range(int(confidences.min() * 10), 10):
        kept = true[confidences >= tenth / 10]
        hits, boxes = int(kept.sum()), len(kept)
        metrics.append(
            ThresholdMetrics(
                confidence=tenth / 10,
                recall=hits / faces if faces else None,
                precision=hits / boxes if boxes else None,
                false_boxes=boxes - hits,
            )
        )
    return metrics


def _by_confidence(
    confidences: NDArray[np.float64], true: NDArray[np.bool_]
) -> list[CalibrationBin]:
    bins = []
    assigned = bins_of(confidences, _RANGES)
    for number in np.unique(assigned).tolist():
        here = assigned == number
        bins.append(
            CalibrationBin(
                from_confidence=number / _RANGES,
                boxes=int(here.sum()),
                mean_confidence=float(confidences[here].mean()),
                share_of_faces=float(true[here].mean()),
            )
        )
    return bins


def _corners(boxes: Sequence[BoundingBox | LabelledFace]) -> NDArray[np.float64]:
    """Left, top, right and bottom, float64 (N, 4)."""
    corners = [(box.x, box.y, box.x + box.width, box.y + box.height) for box in boxes]
    return np.array(corners, np.float64).reshape(-1, 4)


def _landmark_error(box: FaceDetection, face: LabelledFace) -> float | None:
    if box.landmarks is None or face.points is None:
        return None
    pairs = zip(box.landmarks.points, face.points, strict=True)
    apart = [abs(complex(point.x - x, point.y - y)) for point, (x, y) in pairs]
    return statistics.mean(apart) / math.sqrt(face.width * face.height)
