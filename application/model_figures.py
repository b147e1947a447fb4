"""The figures of a model: how well it reads faces, and how close an export is to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from application.ports.emotion_classifier import ModelCard


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """The figures of one class.

    Attributes:
        count: faces that carry the label.
        precision: right answers among the faces given this class, in [0, 1]; None where there are
            none.
        recall: right answers among the faces with this label; None where there are none.
        f1: the harmonic mean of both, 2 x right / (labelled + called); None where the labels
            have none.
    """

    count: int
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class ShiftFigures:
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
        left_out: labels that are none of the seven emotions, and how many faces had each.
        accuracy: right answers among all, in [0, 1].
        macro_f1: mean F1 over the emotions that the labels contain.
        macro_recall: mean recall over the same.
        calibration_error: expected calibration error, in [0, 1].
        calibration_bins: equal-width bins of the highest score that it was computed with.
        figures: of each emotion, in the order of ``Emotion``.
        confusion: seven rows of seven counts; rows are labels, columns answers.
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
    figures: tuple[ClassFigures, ...]
    confusion: tuple[tuple[int, ...], ...]
    ms_per_face_alone: float
    ms_per_face_in_batches: float
    batch: int
    shifts: tuple[ShiftFigures, ...] = ()


@dataclass(frozen=True, slots=True)
class FormFigures:
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
        figures: of torch in float32 first, then of the other forms.
    """

    out: Path
    crops: int
    figures: tuple[FormFigures, ...]
