"""Adjusts the last layer of an exported network to images unlike its training set.

The training set is 36 % neutral and 0.4 % disgust, and a network learns that along with the faces.
Elsewhere the shares differ, so tau times their logarithm is subtracted from the logits (Menon et
al. 2021, "Long-tail learning via logit adjustment"). Elsewhere it is also less accurate than on
crops like those it was trained with, so a temperature makes its scores more cautious.

`python -m training.emotions.adjust --data DIR` adjusts the bundled network as `recipes.py` says,
bounds its products (see `saturation`), measures it and writes the model card. It may be run again:
what was adjusted before is undone first, and products that are bounded stay as they are.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from adapters.inference.evaluation import LabelledFaces, evaluate_shifts
from adapters.inference.metrics import balancing_weights, calibration_error
from adapters.inference.model import softmax
from adapters.onnx.classifier import OnnxCropClassifier
from training.card import machine

from . import card
from .data import EMOTIONS, Faces, balanced_sample, load, majority
from .export import as_input, measure, run
from .recipes import TAU, TEMPERATURE, VERSION
from .saturation import bound_products

Array = npt.NDArray[Any]
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class LastLayer:
    """The linear map from pooled features to logits.

    Attributes:
        weight: float32 (7, 1024).
        bias: float32 (7,).
    """

    weight: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]

    def logits(self, features: Array) -> Array:
        """Logits float32 (N, 7) of features (N, 1024)."""
        result: Array = features @ self.weight.T + self.bias
        return result

    def adjusted(self, tau: float, prior: Array, temperature: float) -> LastLayer:
        """(logits - tau x log prior) / temperature.

        Args:
            tau: Share of the log prior; 0 for no adjustment.
            prior: (7,), share of each emotion.
            temperature: Above 1 makes scores more cautious.
        """
        offset = tau * np.log(prior)
        offset -= offset.mean()  # does not change the softmax, and the bias stays small
        return LastLayer(
            (self.weight / temperature).astype(np.float32),
            ((self.bias - offset) / temperature).astype(np.float32),
        )

    def restored(self, tau: float, prior: Array, temperature: float) -> LastLayer:
        """The layer from before `adjusted`."""
        return LastLayer(self.weight * temperature, self.bias * temperature).adjusted(
            -tau, prior, 1.0
        )


@dataclass(frozen=True)
class _Found:
    node: onnx.NodeProto
    weight: onnx.TensorProto
    bias: onnx.TensorProto


def last_layer(model: onnx.ModelProto) -> _Found:
    """Where the last layer of an exported network is: the node and its two initialisers."""
    (node,) = [node for node in model.graph.node if node.op_type == "Gemm"]
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    return _Found(node, tensors[node.input[1]], tensors[node.input[2]])


def undone(folder: Path) -> LastLayer:
    """The last layer of `emotion.onnx` in a folder, before any adjustment."""
    found = last_layer(onnx.load(folder / "emotion.onnx"))
    layer = LastLayer(numpy_helper.to_array(found.weight), numpy_helper.to_array(found.bias))
    done = json.loads((folder / "emotion.json").read_text()).get("logit_adjustment")
    if done is None:
        return layer
    prior = np.array([done["prior"][emotion] for emotion in EMOTIONS])
    return layer.restored(done["tau"], prior, done["temperature"])


def class_prior(train: Faces) -> npt.NDArray[np.float64]:
    """Share of each emotion among the agreed labels of the training split, float64 (7,)."""
    labels = majority(train)
    counts = np.bincount(labels[labels >= 0], minlength=len(EMOTIONS))
    result: npt.NDArray[np.float64] = counts / counts.sum()
    return result


def some_of(train: Faces, count: int = 256) -> npt.NDArray[np.float32]:
    """Crops to look at activations on, float32 (count, 1, 48, 48)."""
    chosen = np.random.default_rng(0).permutation(len(train.images))[:count]
    return as_input(train.images[chosen])


def write(
    folder: Path, faces: npt.NDArray[np.float32], prior: Array, tau: float, temperature: float
) -> None:
    """Adjusts `emotion.onnx` and notes it in `emotion.json`; the figures there are not changed.

    Args:
        folder: Of both files.
        faces: float32 (N, 1, 48, 48), crops to bound its products on.
        prior: (7,), share of each emotion.
        tau: See `LastLayer.adjusted`.
        temperature: Likewise; it comes on top of the one that the export fitted.
    """
    prior = prior.round(4)  # as the facts state it, so that it can be undone
    layer = undone(folder).adjusted(tau, prior, temperature)
    path = folder / "emotion.onnx"
    model = onnx.load(path)
    bound_products(model, faces)
    found = last_layer(model)
    found.weight.CopyFrom(numpy_helper.from_array(layer.weight, found.weight.name))
    found.bias.CopyFrom(numpy_helper.from_array(layer.bias, found.bias.name))
    onnx.save(model, path)
    facts = json.loads((folder / "emotion.json").read_text())
    facts["logit_adjustment"] = {
        "tau": tau,
        "prior": dict(zip(EMOTIONS, prior.tolist(), strict=True)),
        "temperature": temperature,
    }
    facts["file_sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    facts["file_bytes"] = path.stat().st_size
    (folder / "emotion.json").write_text(json.dumps(facts, indent=2) + "\n")


def remeasure(folder: Path, valid: Faces) -> None:
    """Writes the figures of the adjusted network into `emotion.json`.

    Args:
        folder: Of `emotion.onnx` and `emotion.json`.
        valid: The validation split.
    """
    facts = json.loads((folder / "emotion.json").read_text())
    logits = run(folder / "emotion.onnx", valid.images)
    before = card.unadjusted(logits, facts)
    figures, unadjusted = measure(logits, before, valid), measure(before, before, valid)
    labels = majority(valid)
    scores, labels = softmax(logits)[labels >= 0], labels[labels >= 0]
    facts |= figures
    facts["ece_balanced"] = round(
        calibration_error(scores, labels, weights=balancing_weights(labels)), 4
    )
    facts["before_adjustment"] = {
        key: unadjusted[key]
        for key in ("accuracy_ferplus", "macro_recall", "expressive_called_neutral", "ece_after")
    }
    sample = balanced_sample(valid)
    shifts = evaluate_shifts(
        OnnxCropClassifier(weights=folder / "emotion.onnx"),
        LabelledFaces(sample.images, majority(sample)),
        lambda _: None,
    )
    facts["shifts"] = [
        {
            "shift": each.shift,
            "balanced_accuracy": round(each.accuracy, 4),
            "calibration_error": round(each.calibration_error, 4),
            "expressive_called_neutral": round(each.called_neutral or 0.0, 4),
        }
        for each in shifts
    ]
    facts["measured_with"] = machine()
    facts["shifts_measured_on"] = f"{len(sample)} validation crops, at most 100 of each emotion"
    (folder / "emotion.json").write_text(json.dumps(facts, indent=2) + "\n")


def main() -> None:
    """Adjusts the bundled network, measures it and writes the model card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    weights, valid = _ROOT / "adapters" / "onnx" / "weights", load(options.data, "valid")
    train = load(options.data, "train")
    write(weights, some_of(train), class_prior(train), TAU, TEMPERATURE)
    facts = json.loads((weights / "emotion.json").read_text()) | {"version": VERSION}
    (weights / "emotion.json").write_text(json.dumps(facts, indent=2) + "\n")
    remeasure(weights, valid)
    card.write(weights, valid, _ROOT / "docs")


if __name__ == "__main__":
    main()
