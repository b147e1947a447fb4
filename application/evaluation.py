"""How well a classifier or detector does, and how close an export is to its checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from application.ports.emotion_classifier import ModelCard


@dataclass(frozen=True, slots=True)
class ClassMetrics:
    """The metrics of one class.

    Attributes:
        count: faces that carry the label.
        precision: right answers among the faces given this class, in [0, 1]; None if there are
            none.
        recall: right answers among the faces with this label; None if there are none.
        f1: the harmonic mean of both, 2 x right / (labelled + called); None if the labels
            have none.
    """

    count: int
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class ShiftMetrics:
    """How well a classifier did on faces as another camera or framing would have shown them.

    Every emotion that the labels contain has equal weight, however many faces carry it.

    Attributes:
        shift: what was done to the faces, for people.
        accuracy: right answers, in [0, 1]; with equal weights this is the macro recall.
        calibration_error: expected calibration error, in [0, 1].
        called_neutral: share of the expressive faces that were called neutral, in [0, 1]; None
            where all faces are neutral.
    """

    shift: str
    accuracy: float
    calibration_error: float
    called_neutral: float | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How well a classifier did on labelled faces.

    Attributes:
        card: of the classifier.
        faces: how many were read.
        left_out: labels that name none of the emotions, and how many faces had each.
        accuracy: right answers among all, in [0, 1].
        macro_f1: mean F1 over the emotions that the labels contain.
        macro_recall: mean recall over the same.
        calibration_error: expected calibration error, in [0, 1].
        calibration_bins: equal-width bins of the highest score that it was computed with.
        per_class: of each emotion, in the order of ``Emotion``.
        confusion: counts, a row for each label and a column for each answer.
        ms_per_face_alone: median time of a single face, in milliseconds.
        ms_per_face_in_batches: time of a face in the median batch, in milliseconds.
        batch: faces in a batch.
        shifts: the faces as they are, then under each shift, then all shifts together; empty
            where no shifts were measured.
    """

    card: ModelCard
    faces: int
    left_out: Mapping[str, int]
    accuracy: float
    macro_f1: float
    macro_recall: float
    calibration_error: float
    calibration_bins: int
    per_class: tuple[ClassMetrics, ...]
    confusion: tuple[tuple[int, ...], ...]
    ms_per_face_alone: float
    ms_per_face_in_batches: float
    batch: int
    shifts: tuple[ShiftMetrics, ...] = ()


@dataclass(frozen=True, slots=True)
class FormMetrics:
    """How one form of a network compares with torch in float32.

    Attributes:
        form: of the network, for people.
        ms_per_face: median time of one face on one thread, in milliseconds.
        largest_difference: of any probability, over all crops.
        same_answer: share of the crops with the same dominant emotion, in [0, 1].
        megabytes: of the ONNX file; None for torch.
    """

    form: str
    ms_per_face: float
    largest_difference: float
    same_answer: float
    megabytes: float | None = None


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export wrote, and how close it is to the checkpoint.

    Attributes:
        out: the ONNX file; a JSON file of the same name lies beside it.
        crops: how many crops were compared.
        forms: of torch in float32 first, then of the other forms.
    """

    out: Path
    crops: int
    forms: tuple[FormMetrics, ...]


@dataclass(frozen=True, slots=True)
class SizeMetrics:
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
class ThresholdMetrics:
    """The metrics when only boxes of some confidence count.

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
class CalibrationBin:
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
        mean_iou: of the boxes on faces with the labels; None if none was found.
        landmark_error: mean distance of the five points from the labels, in roots of the labelled
            box's area; None if there is nothing to compare.
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
    sizes: tuple[SizeMetrics, ...]
    thresholds: tuple[ThresholdMetrics, ...]
    confidences: tuple[CalibrationBin, ...]
