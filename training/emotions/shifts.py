"""The effect of adjusting the last layer, without and with shifts of camera and framing.

`python -m training.emotions.shifts --data DIR` writes `shifts.md`, from which tau and temperature
in `recipes.py` were chosen. It reads the tuning slice once as it is and once under each shift of
`adapters/inference/shifts.py`; every candidate is then a last layer on the same features.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import onnx

from adapters.inference.metrics import (
    balancing_weights,
    calibration_error,
    called_neutral,
    class_metrics,
    confusion_matrix,
    macro_mean,
)
from adapters.inference.model import softmax
from adapters.inference.quality import MEASURED_THRESHOLDS
from adapters.inference.shifts import SHIFTS, render

from .adjust import LastLayer, class_prior, last_layer, undone
from .data import Faces, load, majority, tuning_split
from .export import as_input, session
from .recipes import TAU, TEMPERATURE

_HERE = Path(__file__).parent
_WEIGHTS = _HERE.parents[1] / "adapters" / "onnx" / "weights"
_SEED = 1
_FLOORS = (0.3, 0.4, 0.45, 0.5, 0.55, 0.6)
_TAUS = (0.0, 0.25, 0.5, 0.75, 1.0)
_TEMPERATURES = (1.0, 1.2, 1.4, 1.45, 1.5, 1.6, 1.75, 2.0)

Features = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Readings:
    """Features of faces with an agreed label, as they are and under every shift.

    Attributes:
        plain: (N, 1024).
        labels: (N,).
        shifted: (N x shifts, 1024).
        shifted_labels: (N x shifts,).
    """

    plain: Features
    labels: Labels
    shifted: Features
    shifted_labels: Labels


def read(weights: Path, faces: Faces) -> Readings:
    """Reads faces with the network up to its last layer."""
    labels = majority(faces)
    agreed = labels >= 0
    plain = _features(weights, faces.images)[agreed]
    shifted = [
        _features(weights, render(faces.images[..., np.newaxis], shift, seed=_SEED)[..., 0])[agreed]
        for shift in SHIFTS
    ]
    return Readings(
        plain, labels[agreed], np.concatenate(shifted), np.tile(labels[agreed], len(SHIFTS))
    )


def report(layer: LastLayer, readings: Readings, prior: npt.NDArray[np.float64]) -> str:
    """Markdown: what each tau, and each temperature at the chosen tau, does.

    Args:
        layer: The network's last layer before any adjustment.
        readings: Of the tuning slice.
        prior: Share of each emotion in the training split.
    """
    lines = [
        "# Choosing the adjustment of the last layer",
        "",
        "Written by `training/emotions/shifts.py` with the shipped network's features on the",
        f"{len(readings.labels)} crops of the tuning slice with an agreed label, as they are and",
        f"under the {len(SHIFTS)} shifts of `adapters/inference/shifts.py`.",
        "",
        "*Balanced* and *shifted* figures give every emotion equal weight, so accuracy there is",
        "macro recall. The slice holds 6 crops of disgust and 25 of fear: one crop of disgust is",
        "2.4 points of a balanced accuracy as they are.",
        "",
        "## Tau: how much of the log prior is subtracted (temperature 1)",
        "",
        *_table(((tau, 1.0) for tau in _TAUS), layer, readings, prior, chosen=(TAU, 1.0)),
        "",
        f"## Temperature, at tau {TAU:g}",
        "",
        *_table(((TAU, t) for t in _TEMPERATURES), layer, readings, prior, (TAU, TEMPERATURE)),
        "",
        "## Floor: below which score an answer is unreliable",
        "",
        "Shares of the crops and how many of them are right, with tau and temperature as chosen.",
        "At 0.5 the answers below are more often wrong than right.",
        "",
        *_floors(layer.adjusted(TAU, prior, TEMPERATURE), readings),
        "",
    ]
    return "\n".join(lines)


def _table(
    candidates: Iterator[tuple[float, float]],
    layer: LastLayer,
    readings: Readings,
    prior: npt.NDArray[np.float64],
    chosen: tuple[float, float],
) -> list[str]:
    lines = [
        "| tau | temperature | FER+ accuracy | calibration error | balanced accuracy "
        "| calibration error | called neutral | shifted accuracy | calibration error "
        "| called neutral |",
        "| --- " * 10 + "|",
    ]
    for tau, temperature in candidates:
        adjusted = layer.adjusted(tau, prior, temperature)
        plain = softmax(adjusted.logits(readings.plain))
        shifted = softmax(adjusted.logits(readings.shifted))
        right = plain.argmax(axis=1) == readings.labels
        figures = [
            float(right.mean()),
            calibration_error(plain, readings.labels),
            *_balanced(plain, readings.labels),
            *_balanced(shifted, readings.shifted_labels),
        ]
        mark = "**" if (tau, temperature) == chosen else ""
        cells = " | ".join(f"{100 * figure:.1f} %" for figure in figures)
        lines.append(f"| {mark}{tau:g}{mark} | {mark}{temperature:g}{mark} | {cells} |")
    return lines


def _floors(layer: LastLayer, readings: Readings) -> list[str]:
    lines = [
        "| floor | crops below | right | right above | shifted crops below | right | right above |",
        "| --- " * 7 + "|",
    ]
    read = (
        (softmax(layer.logits(readings.plain)), readings.labels),
        (softmax(layer.logits(readings.shifted)), readings.shifted_labels),
    )
    for floor in _FLOORS:
        cells = []
        for scores, labels in read:
            right, below = scores.argmax(axis=1) == labels, scores.max(axis=1) < floor
            cells += [below.mean(), right[below].mean(), right[~below].mean()]
        shares = " | ".join(f"{100 * cell:.1f} %" for cell in cells)
        mark = "**" if floor == MEASURED_THRESHOLDS.min_score else ""
        lines.append(f"| {mark}{floor:g}{mark} | {shares} |")
    return lines


def _balanced(probabilities: npt.NDArray[np.floating], labels: Labels) -> tuple[float, ...]:
    confusion = confusion_matrix(probabilities, labels)
    neutral = called_neutral(confusion)
    assert neutral is not None
    return (
        macro_mean([each.recall for each in class_metrics(confusion)]),
        calibration_error(probabilities, labels, weights=balancing_weights(labels)),
        neutral,
    )


def _features(weights: Path, images: npt.NDArray[np.uint8], batch: int = 32) -> Features:
    """What the last layer reads, float32 (N, 1024)."""
    model = onnx.load(weights)
    pooled = last_layer(model).node.input[0]
    model.graph.output.append(
        onnx.helper.make_tensor_value_info(pooled, onnx.TensorProto.FLOAT, ["faces", None])
    )
    runner = session(model.SerializeToString())
    faces = as_input(images)
    parts = [
        runner.run([pooled], {"faces": faces[start : start + batch]})[0]
        for start in range(0, len(faces), batch)
    ]
    return np.concatenate(parts)


def main() -> None:
    """Reads the tuning slice and writes the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    train = load(options.data, "train")
    readings = read(_WEIGHTS / "emotion.onnx", train.take(tuning_split(train)[1]))
    layer = undone(_WEIGHTS)
    (_HERE / "shifts.md").write_text(report(layer, readings, class_prior(train)))


if __name__ == "__main__":
    main()
