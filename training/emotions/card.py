"""Writes the model card and its pictures from the shipped metadata and fresh measurements."""

from __future__ import annotations

import json
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from .data import Faces, majority
from .evaluate import reliability, softmax
from .export import run
from .plots import confusion_picture, recall_picture, reliability_picture
from .robustness import table

_TEMPLATE = Path(__file__).parent / "card_template.md"


def write(weights: Path, valid: Faces, docs: Path) -> None:
    """Fills the template and draws the pictures.

    Args:
        weights: Folder of `emotion.onnx` and `emotion.json`.
        valid: The validation split.
        docs: Folder for `model-card.md` and `model-card/`.
    """
    meta: dict[str, Any] = json.loads((weights / "emotion.json").read_text())
    pictures = docs / "model-card"
    pictures.mkdir(parents=True, exist_ok=True)
    counts = np.array(meta["confusion"])
    labels = meta["labels"]
    confusion_picture(counts, labels, pictures / "confusion.png")
    recall_picture(meta["recall"], counts.sum(axis=1).tolist(), pictures / "recall.png")
    logits, crowd = run(weights / "emotion.onnx", valid.images), majority(valid)
    before = reliability(softmax(logits * meta["temperature"]), crowd)
    after = reliability(softmax(logits), crowd)
    reliability_picture(before, after, pictures / "reliability.png")
    text = Template(_TEMPLATE.read_text()).substitute(
        _values(meta, counts), robustness=table(weights / "emotion.onnx", valid)
    )
    (docs / "model-card.md").write_text(text)


def _values(meta: dict[str, Any], counts: np.ndarray) -> dict[str, str]:
    def percent(value: float) -> str:
        return f"{100 * value:.1f} %"

    rows = zip(meta["recall"].items(), counts.sum(axis=1), counts.sum(axis=0), strict=True)
    recall = "\n".join(
        f"| {name} | {n} | {percent(value)} | {percent(counts[i, i] / max(said, 1))} |"
        for i, ((name, value), n, said) in enumerate(rows)
    )
    labels = meta["labels"]
    speed = meta["latency_ms_per_face"]
    latency = "\n".join(
        f"| {name} | {value['median']:.2f} | {value['p95']:.2f} |"
        for name, value in speed.items()
        if isinstance(value, dict)
    )
    change = meta["accuracy_ferplus"] - meta["float32"]["accuracy_ferplus"]
    return {
        "name": meta["name"],
        "version": meta["version"],
        "sha256": meta["file_sha256"],
        "size": f"{meta['file_bytes'] / 1e6:.2f} MB",
        "parameters": f"{meta['parameters'] / 1e6:.2f} million",
        "made_on": meta["made_on"],
        "trained_on": meta["trained_on"],
        "crops": str(meta["crops"]),
        "accuracy": percent(meta["accuracy_ferplus"]),
        "fer2013": percent(meta["accuracy_fer2013"]),
        "macro": percent(meta["macro_recall"]),
        "neutral": percent(meta["expressive_called_neutral"]),
        "ece_before": percent(meta["ece_before"]),
        "ece_after": percent(meta["ece_after"]),
        "temperature": f"{meta['temperature']:.2f}",
        "quantisation": f"{100 * change:+.2f}",
        "float32": percent(meta["float32"]["accuracy_ferplus"]),
        "float32_size": f"{meta['float32']['file_bytes'] / 1e6:.1f} MB",
        "neutral_sad": percent(
            counts[labels.index("neutral"), labels.index("sad")]
            / counts[labels.index("neutral")].sum()
        ),
        "disgust": percent(meta["recall"]["disgust"]),
        "fear": percent(meta["recall"]["fear"]),
        "machine": speed["machine"],
        "recall_table": recall,
        "latency_table": latency,
    }
