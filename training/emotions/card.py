"""Writes the model card and its pictures from the shipped metadata and fresh measurements."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from adapters.inference.model import softmax
from training.card import percent, read_facts, write_card

from .data import Faces, majority
from .evaluate import reliability
from .export import run
from .plots import confusion_picture, recall_picture, reliability_picture

_TEMPLATE = Path(__file__).parent / "card_template.md"


def write(weights: Path, valid: Faces, docs: Path) -> None:
    """Fills the template and draws the pictures.

    Args:
        weights: Folder of `emotion.onnx` and `emotion.json`.
        valid: The validation split.
        docs: Folder for `model-card.md` and `model-card/`.
    """
    network = weights / "emotion.onnx"
    meta = read_facts(network)
    pictures = docs / "model-card"
    pictures.mkdir(parents=True, exist_ok=True)
    counts = np.array(meta["confusion"])
    labels = meta["labels"]
    confusion_picture(counts, labels, pictures / "confusion.png")
    recall_picture(meta["recall"], counts.sum(axis=1).tolist(), pictures / "recall.png")
    logits, crowd = run(network, valid.images), majority(valid)
    before = reliability(softmax(unadjusted(logits, meta)), crowd)
    after = reliability(softmax(logits), crowd)
    reliability_picture(before, after, pictures / "reliability.png")
    write_card(_TEMPLATE, meta, _values(meta, counts), docs / "model-card.md")


def unadjusted(logits: npt.NDArray[np.float32], meta: dict[str, Any]) -> npt.NDArray[np.float64]:
    """Logits (N, 7) before the adjustment in the metadata."""
    done = meta["logit_adjustment"]
    prior = np.array([done["prior"][label] for label in meta["labels"]])
    return np.asarray(logits * done["temperature"] + done["tau"] * np.log(prior), np.float64)


def _shift_rows(meta: dict[str, Any]) -> str:
    lines = [
        "| crops | accuracy | calibration error | expressive faces called neutral |",
        "| --- | --- | --- | --- |",
    ]
    for row in meta["shifts"]:
        keys = ("balanced_accuracy", "calibration_error", "expressive_called_neutral")
        lines.append(
            f"| {row['shift']} | " + " | ".join(f"{100 * row[key]:.1f} %" for key in keys) + " |"
        )
    return "\n".join(lines)


def _values(meta: dict[str, Any], counts: np.ndarray) -> dict[str, str]:
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
    before, done = meta["before_adjustment"], meta["logit_adjustment"]
    change = before["accuracy_ferplus"] - meta["float32"]["accuracy_ferplus"]
    shifted = meta["shifts"][-1]
    return {
        "parameters": f"{meta['parameters'] / 1e6:.2f} million",
        "trained_on": meta["trained_on"],
        "crops": str(meta["crops"]),
        "accuracy": percent(meta["accuracy_ferplus"]),
        "fer2013": percent(meta["accuracy_fer2013"]),
        "macro": percent(meta["macro_recall"]),
        "neutral": percent(meta["expressive_called_neutral"]),
        "ece": percent(meta["ece_after"]),
        "balanced_ece": percent(meta["ece_balanced"]),
        "shifted": percent(shifted["balanced_accuracy"]),
        "shifted_ece": percent(shifted["calibration_error"]),
        "shifted_neutral": percent(shifted["expressive_called_neutral"]),
        "shifts_measured_on": meta["shifts_measured_on"],
        "shift_table": _shift_rows(meta),
        "measured_with": meta["measured_with"],
        "tau": f"{done['tau']:g}",
        "temperature": f"{done['temperature']:g}",
        "before_accuracy": percent(before["accuracy_ferplus"]),
        "before_macro": percent(before["macro_recall"]),
        "before_neutral": percent(before["expressive_called_neutral"]),
        "before_ece": percent(before["ece_after"]),
        "quantisation": f"{100 * change:+.2f}",
        "float32": percent(meta["float32"]["accuracy_ferplus"]),
        "float32_size": f"{meta['float32']['file_bytes'] / 1e6:.1f} MB",
        "neutral_sad": percent(
            counts[labels.index("neutral"), labels.index("sad")]
            / counts[labels.index("neutral")].sum()
        ),
        **{
            f"{name}_precision": percent(counts[i, i] / max(counts[:, i].sum(), 1))
            for i, name in enumerate(labels)
        },
        "disgust": percent(meta["recall"]["disgust"]),
        "fear": percent(meta["recall"]["fear"]),
        "machine": speed["machine"],
        "recall_table": recall,
        "latency_table": latency,
    }
