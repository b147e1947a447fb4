"""The figures of a face detector on labelled images."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SizeFigures:
    """Recall of faces of one size.

    Attributes:
        from_px: least longer side of the box, in pixels of the image.
        below_px: the least longer side that is too large; None for no limit.
        faces: how many are labelled.
        found: how many of them were found.
    """

    from_px: int
    below_px: int | None
    faces: int
    found: int


@dataclass(frozen=True, slots=True)
class ThresholdFigures:
    """The figures when only boxes of some confidence count.

    Attributes:
        confidence: the least that counts, in [0, 1].
        recall: found faces among the labelled ones, in [0, 1]; None without labelled faces.
        precision: boxes on faces among all boxes, in [0, 1]; None without boxes.
        false_boxes: boxes on no face.
    """

    confidence: float
    recall: float | None
    precision: float | None
    false_boxes: int


@dataclass(frozen=True, slots=True)
class ConfidenceFigures:
    """How true the confidence is in one range of it.

    Attributes:
        from_confidence: where the range begins; it is a tenth wide.
        boxes: how many boxes have such a confidence.
        mean_confidence: of these.
        share_of_faces: how many of these lie on a face, in [0, 1].
    """

    from_confidence: float
    boxes: int
    mean_confidence: float
    share_of_faces: float


@dataclass(frozen=True, slots=True)
class DetectorEvaluation:
    """How well a detector did on labelled images.

    Attributes:
        name: of the detector.
        version: likewise.
        images: how many images were analysed.
        min_size_px: smallest face that was asked for and counts, by its longer side.
        faces: labelled ones that count.
        found: how many of them a box lies on (IoU of 0.5 or more).
        false_boxes: boxes that lie on no labelled face.
        mean_iou: of the boxes on faces with the labels; None where none was found.
        landmark_error: mean distance of the five points from the labels, in roots of the labelled
            box's area; None where there is nothing to compare.
        calibration_error: expected calibration error of the confidence over ten ranges, in [0, 1];
            None without boxes.
        ms_per_image: median time of detection, decoding left out.
        sizes: recall by size.
        thresholds: precision and recall by confidence.
        confidences: calibration.
    """

    name: str
    version: str
    images: int
    min_size_px: int
    faces: int
    found: int
    false_boxes: int
    mean_iou: float | None
    landmark_error: float | None
    calibration_error: float | None
    ms_per_image: float
    sizes: tuple[SizeFigures, ...]
    thresholds: tuple[ThresholdFigures, ...]
    confidences: tuple[ConfidenceFigures, ...]
