"""How ``emotion-api models evaluate`` shows the figures of a face detector."""

from __future__ import annotations

import json
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from application.detector_figures import DetectorEvaluation


def detector_as_json(evaluation: DetectorEvaluation) -> str:
    """All figures; shares are in [0, 1], and null where there is nothing to take a share of."""
    return json.dumps(asdict(evaluation), indent=2) + "\n"


def print_detector_tables(console: Console, evaluation: DetectorEvaluation) -> None:
    """The totals; recall by size; precision and recall by confidence; calibration."""
    share = evaluation.found / evaluation.faces if evaluation.faces else None
    totals = Table(box=None, show_header=False, pad_edge=False)
    totals.add_column(style="bold")
    totals.add_column()
    rows = {
        "detector": f"{evaluation.name} {evaluation.version}",
        "images": str(evaluation.photos),
        f"faces of {evaluation.min_size_px} px or more": str(evaluation.faces),
        "found": f"{evaluation.found}  ({_percent(share)})",
        "false boxes": f"{evaluation.false_boxes}  "
        f"({evaluation.false_boxes / evaluation.photos:.3f} an image)",
        "mean IoU": _number(evaluation.mean_iou, ".3f"),
        "landmark error": _percent(evaluation.landmark_error) + " of the size of the face",
        "calibration error": _percent(evaluation.calibration_error),
        "an image": f"{evaluation.ms_per_photo:.1f} ms",
    }
    for name, value in rows.items():
        totals.add_row(name, value)
    console.print(totals)

    sizes = _table("longer side", "faces", "found", "recall")
    for each in evaluation.sizes:
        to = "or more" if each.below_px is None else f"to {each.below_px - 1}"
        recall = _percent(each.found / each.faces)
        sizes.add_row(f"{each.from_px} {to} px", str(each.faces), str(each.found), recall)
    thresholds = _table("confidence from", "recall", "precision", "false boxes")
    for at in evaluation.thresholds:
        shares = (_percent(at.recall), _percent(at.precision))
        thresholds.add_row(f"{at.confidence:.1f}", *shares, str(at.false_boxes))
    confidences = _table("confidence", "boxes", "mean confidence", "on a face")
    for part in evaluation.confidences:
        confidences.add_row(
            f"{part.from_confidence:.1f} to {part.from_confidence + 0.1:.1f}",
            str(part.boxes),
            _percent(part.mean_confidence),
            _percent(part.share_of_faces),
        )
    for table in (sizes, thresholds, confidences):
        console.print()
        console.print(table)


def _table(*headings: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column(headings[0])
    for heading in headings[1:]:
        table.add_column(heading, justify="right")
    return table


def _percent(share: float | None) -> str:
    return _number(share, ".1%")


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
