"""Writes the model card from the shipped metadata and fresh measurements."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any

from .data import Photo
from .shifts import sizes_table, table

_TEMPLATE = Path(__file__).parent / "card_template.md"
_SHIFTED = 2
"""Every so manieth photograph is measured under shifts."""


def write(weights: Path, valid: Sequence[Photo], docs: Path) -> None:
    """Fills the template.

    Args:
        weights: Folder of `face.onnx` and `face.json`.
        valid: The validation photographs.
        docs: Folder for `model-card-faces.md`.
    """
    meta: dict[str, Any] = json.loads((weights / "face.json").read_text())
    network = weights / "face.onnx"
    text = Template(_TEMPLATE.read_text()).substitute(
        _values(meta),
        sizes=sizes_table(network, valid),
        shifts=table(network, [valid[i] for i in range(0, len(valid), _SHIFTED)]),
    )
    (docs / "model-card-faces.md").write_text(text)


def _values(meta: dict[str, Any]) -> dict[str, str]:
    def percent(value: float) -> str:
        return f"{100 * value:.1f} %"

    ranges = "\n".join(
        f"| {part['from']:.1f} to {part['from'] + 0.1:.1f} | {part['boxes']} | "
        f"{percent(part['mean_confidence'])} | {percent(part['share_of_faces'])} |"
        for part in meta["calibration"]
    )
    return {
        "name": meta["name"],
        "version": meta["version"],
        "sha256": meta["file_sha256"],
        "size": f"{meta['file_bytes'] / 1e6:.2f} MB",
        "parameters": f"{meta['parameters']:,}",
        "made_on": meta["made_on"],
        "measured_on": meta["measured_on"],
        "recall_16": percent(meta["recall_16"]),
        "recall_8_16": percent(meta["recall_8_16"]),
        "faces_16": str(meta["faces_16"]),
        "faces_8_16": str(meta["faces_8_16"]),
        "false_boxes": str(meta["false_boxes"]),
        "mean_iou": f"{meta['mean_iou']:.2f}",
        "landmark_error": percent(meta["landmark_error"]),
        "threshold": f"{meta['threshold']:.2f}",
        "latency": f"{meta['latency_ms']['640 x 480']:.1f} ms",
        "calibration": ranges,
    }
