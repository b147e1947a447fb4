"""Writes the model card from the shipped metadata and fresh measurements."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.card import megabytes, percent, read_facts, write_card

from .data import Photo
from .export import DETECTOR, REFINER
from .shifts import sizes_table, table

_TEMPLATE = Path(__file__).parent / "card_template.md"
_SHIFTED = 2
"""One in this many images is measured under shifts."""


def write(weights: Path, valid: Sequence[Photo], docs: Path) -> None:
    """Fills the template.

    Args:
        weights: Folder of both networks and their JSON files.
        valid: The validation images.
        docs: Folder for `model-card-faces.md`.
    """
    network = weights / DETECTOR
    facts = read_facts(network)
    values = _values(facts) | {
        "refiner_size": megabytes(read_facts(weights / REFINER)),
        "sizes": sizes_table(network, valid),
        "shifts": table(network, [valid[i] for i in range(0, len(valid), _SHIFTED)]),
    }
    write_card(_TEMPLATE, facts, values, docs / "model-card-faces.md")


def _values(facts: dict[str, Any]) -> dict[str, str]:
    ranges = "\n".join(
        f"| {part['from']:.1f} to {part['from'] + 0.1:.1f} | {part['boxes']} | "
        f"{percent(part['mean_confidence'])} | {percent(part['share_of_faces'])} |"
        for part in facts["calibration"]
    )
    return {
        "parameters": f"{facts['parameters']:,}",
        "refiner_parameters": f"{facts['refiner_parameters']:,}",
        "measured_on": facts["measured_on"],
        "recall_16": percent(facts["recall_16"]),
        "recall_8_16": percent(facts["recall_8_16"]),
        "faces_16": str(facts["faces_16"]),
        "faces_8_16": str(facts["faces_8_16"]),
        "false_boxes": str(facts["false_boxes"]),
        "mean_iou": f"{facts['mean_iou']:.2f}",
        "landmark_error": percent(facts["landmark_error"]),
        "threshold": f"{facts['threshold']:.2f}",
        "latency": f"{facts['latency_ms']['640 x 480']:.1f} ms",
        "machine": facts["latency_ms"]["machine"],
        "refiner_latency": f"{facts['latency_ms']['a box']:.2f} ms",
        "calibration": ranges,
    }
