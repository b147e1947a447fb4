"""The output of ``emotion-api models``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from rich.console import Console
from rich.text import Text

from application.evaluation import DetectorEvaluation, Evaluation, ExportReport, ShiftMetrics
from domain.emotion import Emotion
from entrypoints.cli import tables
from entrypoints.cli.console import shown


def as_json(evaluation: Evaluation) -> str:
    """All figures; shares are in [0, 1], and null where there is nothing to take a share of."""
    per_class = dict(zip(Emotion, evaluation.per_class, strict=True))
    return (
        json.dumps(
            {
                "classifier": {
                    "name": evaluation.card.name,
                    "version": evaluation.card.version,
                },
                "faces": evaluation.faces,
                "left_out": dict(evaluation.left_out),
                "accuracy": evaluation.accuracy,
                "macro_f1": evaluation.macro_f1,
                "macro_recall": evaluation.macro_recall,
                "expected_calibration_error": evaluation.calibration_error,
                "calibration_bins": evaluation.calibration_bins,
                "ms_per_face": {
                    "alone": evaluation.ms_per_face_alone,
                    f"in_batches_of_{evaluation.batch}": evaluation.ms_per_face_in_batches,
                },
                "per_class": {
                    emotion.value: {
                        "faces": each.count,
                        "recall": each.recall,
                        "precision": each.precision,
                        "f1": each.f1,
                    }
                    for emotion, each in per_class.items()
                },
                "labels": [emotion.value for emotion in Emotion],
                "confusion_matrix": evaluation.confusion,
                "shifts": [
                    {
                        "shift": each.shift,
                        "balanced_accuracy": each.accuracy,
                        "expected_calibration_error": each.calibration_error,
                        "expressive_called_neutral": each.called_neutral,
                    }
                    for each in evaluation.shifts
                ],
            },
            indent=2,
        )
        + "\n"
    )


def print_tables(console: Console, evaluation: Evaluation) -> None:
    """The totals, the classes, the confusion matrix, and the shifts if measured."""
    card = evaluation.card
    rows = {
        "classifier": f"{card.name} {card.version}",
        "faces": str(evaluation.faces),
        "left out": _left_out(evaluation.left_out),
        "accuracy": tables.percent(evaluation.accuracy),
        "macro F1": f"{tables.percent(evaluation.macro_f1)}  (mean over the labels that occur)",
        "macro recall": tables.percent(evaluation.macro_recall),
        "calibration error": f"{tables.percent(evaluation.calibration_error)}  (expected, "
        f"{evaluation.calibration_bins} bins)",
        "a face alone": f"{evaluation.ms_per_face_alone:.2f} ms",
        f"in batches of {evaluation.batch}": f"{evaluation.ms_per_face_in_batches:.2f} ms a face",
    }
    console.print(tables.totals(rows))
    console.print()

    classes = tables.metrics("label", "faces", "recall", "precision", "F1")
    for emotion, each in zip(Emotion, evaluation.per_class, strict=True):
        shares = [tables.percent(share) for share in (each.recall, each.precision, each.f1)]
        classes.add_row(emotion.value, str(each.count), *shares)
    console.print(classes)
    console.print()

    confusions = tables.metrics("label / answer", *Emotion)
    for emotion, answers in zip(Emotion, evaluation.confusion, strict=True):
        counts = [
            Text(str(count), style="bold" if other == emotion else "dim")
            for other, count in zip(Emotion, answers, strict=True)
        ]
        confusions.add_row(emotion.value, *counts)
    console.print(confusions)
    if evaluation.shifts:
        console.print()
        _print_shifts(console, evaluation.shifts)


def _print_shifts(console: Console, shifts: Sequence[ShiftMetrics]) -> None:
    table = tables.metrics(
        "every emotion with equal weight",
        "accuracy",
        "calibration error",
        "expressive called neutral",
    )
    for each in shifts:
        shares = (each.accuracy, each.calibration_error, each.called_neutral)
        table.add_row(each.shift, *(tables.percent(share) for share in shares))
    console.print(table)


def detector_as_json(evaluation: DetectorEvaluation) -> str:
    """All figures; shares are in [0, 1], and null where there is nothing to take a share of."""
    return json.dumps(asdict(evaluation), indent=2) + "\n"


def print_detector_tables(console: Console, evaluation: DetectorEvaluation) -> None:
    """The totals, recall by size, precision and recall by confidence, and calibration."""
    share = evaluation.found / evaluation.faces if evaluation.faces else None
    rows = {
        "detector": f"{evaluation.name} {evaluation.version}",
        "images": str(evaluation.images),
        f"faces of {evaluation.min_size_px} px or more": str(evaluation.faces),
        "found": f"{evaluation.found}  ({tables.percent(share)})",
        "false boxes": f"{evaluation.false_boxes}  "
        f"({evaluation.false_boxes / evaluation.images:.3f} an image)",
        "mean IoU": tables.number(evaluation.mean_iou, ".3f"),
        "landmark error": tables.percent(evaluation.landmark_error) + " of the size of the face",
        "calibration error": tables.percent(evaluation.calibration_error),
        "an image": f"{evaluation.ms_per_image:.1f} ms",
    }
    console.print(tables.totals(rows))

    sizes = tables.metrics("longer side", "faces", "found", "recall")
    for each in evaluation.sizes:
        to = "or more" if each.below_px is None else f"to {each.below_px - 1}"
        recall = tables.percent(each.found / each.faces)
        sizes.add_row(f"{each.from_px} {to} px", str(each.faces), str(each.found), recall)
    thresholds = tables.metrics("confidence from", "recall", "precision", "false boxes")
    for at in evaluation.thresholds:
        shares = (tables.percent(at.recall), tables.percent(at.precision))
        thresholds.add_row(f"{at.confidence:.1f}", *shares, str(at.false_boxes))
    confidences = tables.metrics("confidence", "boxes", "mean confidence", "on a face")
    for part in evaluation.confidences:
        confidences.add_row(
            f"{part.from_confidence:.1f} to {part.from_confidence + 0.1:.1f}",
            str(part.boxes),
            tables.percent(part.mean_confidence),
            tables.percent(part.share_of_faces),
        )
    for table in (sizes, thresholds, confidences):
        console.print()
        console.print(table)


def print_export(console: Console, report: ExportReport, *, on_noise: bool) -> None:
    """The written file, and each form's speed and agreement."""
    table = tables.metrics(
        "one thread, one face", "ms a face", "largest difference", "same answer", "MB"
    )
    for each in report.forms:
        table.add_row(
            each.form,
            f"{each.ms_per_face:.1f}",
            f"{each.largest_difference:.6f}",
            tables.percent(each.same_answer),
            f"{each.megabytes:.1f}" if each.megabytes is not None else "",
        )
    console.print(table)
    source = "images of noise (--faces compares on real ones)" if on_noise else "faces"
    console.print(
        f"\nProbabilities were compared with torch float32 on {report.crops} {source}.\n"
        f"Serve it with CLASSIFIER=onnx CLASSIFIER_WEIGHTS={report.out}",
        highlight=False,
        soft_wrap=True,
    )


def _left_out(labels: Mapping[str, int]) -> str:
    if not labels:
        return "0"
    named = ", ".join(f"{shown(label)} {count}" for label, count in labels.items())
    return f"{sum(labels.values())}  (labels that are none of the {len(Emotion)} emotions: {named})"
