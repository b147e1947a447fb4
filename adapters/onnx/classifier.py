"""Emotion classifiers as ONNX files, the bundled one among them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from adapters.inference.crops import CropSpec
from adapters.inference.model import softmax
from adapters.onnx.network import BUNDLED, OnnxNetwork
from application.errors import InferenceUnavailable
from application.ports.emotion_classifier import ModelCard
from domain.emotion import Emotion

INPUT = "faces"
OUTPUT = "logits"


class OnnxCropClassifier:
    """A network on ONNX Runtime, one thread per call.

    The network reads ``faces``, float32, 0..255, N x 1 x height x width (grey) or N x 3 x height x
    width (RGB), and answers ``logits``, float32, N x emotions, already divided by the calibration
    temperature where there is one. A JSON file of the same name beside it holds ``name``,
    ``version``, ``labels`` (the order of the outputs), ``file_sha256`` (of the weights) and the
    measurements.

    Attributes:
        path: of the weights.
        card: what is known about the network.
        crop_spec: which crops it reads.
    """

    def __init__(self, *, weights: Path | None = None) -> None:
        """Load the network.

        Args:
            weights: an ONNX file with its JSON file beside it; None takes the bundled one.

        Raises:
            InferenceUnavailable: a file is missing or damaged, or the two do not belong together.
        """
        self._network = OnnxNetwork.load(
            weights or BUNDLED / "emotion.onnx", reads=INPUT, answers=OUTPUT, facts=("labels",)
        )
        facts = self._network.facts
        self.path = self._network.path
        self.crop_spec = _crop_spec(self._network)
        self._order = _order(facts["labels"], self.path)
        self.card = ModelCard(
            name=str(facts["name"]),
            version=str(facts["version"]),
            labels=tuple(facts["labels"]),
            input_width=self.crop_spec.width,
            input_height=self.crop_spec.height,
            measured={key: value for key, value in facts.items() if key not in _NOT_MEASURED},
        )

    def predict(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Score a batch of crops; see ``CropClassifier``."""
        faces = np.ascontiguousarray(crops.transpose(0, 3, 1, 2), dtype=np.float32)
        logits = self._network.run(faces)[:, self._order]
        return softmax(logits)


_NOT_MEASURED = frozenset(
    {"name", "version", "labels", "input", "output", "file_sha256", "file_bytes"}
)


def _crop_spec(network: OnnxNetwork) -> CropSpec:
    match network.input_shape, network.output_shape:
        case [_, 1 | 3 as channels, int(height), int(width)], [_, outputs] if outputs == len(
            Emotion
        ):
            return CropSpec(width=width, height=height, channels=channels)
    raise InferenceUnavailable(
        f"{network.path.name} must map {INPUT} (N, 1 or 3, height, width) to {OUTPUT} "
        f"(N, {len(Emotion)}); "
        f"it maps {network.input_shape} to {network.output_shape}"
    )


def _order(labels: object, path: Path) -> list[int]:
    """For each emotion, the position of its output."""
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise InferenceUnavailable(
            f"{path.with_suffix('.json').name}: labels must be a list of words"
        )
    if sorted(labels) != sorted(Emotion):
        raise InferenceUnavailable(
            f"{path.name} must score exactly {', '.join(Emotion)}; it scores {', '.join(labels)}"
        )
    return [labels.index(emotion) for emotion in Emotion]
