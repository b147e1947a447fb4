"""The output of ``emotion-api models evaluate`` for a face detector."""

from __future__ import annotations

import json
from dataclasses import asdict

from rich.console import Console

from application.evaluation import DetectorEvaluation
from entrypoints.cli import tables


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
