"""Emotion classifiers in ONNX form; the one that ships with the service is one of them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from adapters.inference.crops import CropSpec
from application.errors import InferenceUnavailable
from application.ports.emotion_classifier import ModelCard
from domain.emotion import Emotion

_BUNDLED = Path(__file__).parent / "weights" / "emotion.onnx"
INPUT = "faces"
OUTPUT = "logits"


class OnnxCropClassifier:
    """A network on ONNX Runtime, one thread a call.

    The network reads ``faces``, float32, 0..255, N x 1 x height x width (gray) or
    N x 3 x height x width (RGB), and answers ``logits``, float32, N x 7, already divided by the
    calibration temperature where there is one. A JSON file of the same name beside it tells
    ``name``, ``version``, ``labels`` (the order of the outputs), ``file_sha256`` (of the weights)
    and what was measured.
    """

    def __init__(self, *, weights: Path | None = None) -> None:
        """Load the network.

        Args:
            weights: an ONNX file with its JSON file beside it; None takes the bundled one.

        Raises:
            InferenceUnavailable: a file is missing, damaged, or they do not belong together.
        """
        path = weights or _BUNDLED
        content, facts = _read(path)
        options = onnxruntime.SessionOptions()
        # One thread a call: the calls themselves run side by side on the executor's threads.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        try:
            self._inference_session = onnxruntime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's exceptions share no other base class.
            raise InferenceUnavailable(f"{path.name} is no usable ONNX network") from error
        self._path = path
        self._crop_spec = self._read_crop_spec(path)
        self._order = _order(facts["labels"], path)
        self._card = ModelCard(
            name=str(facts["name"]),
            version=str(facts["version"]),
            labels=tuple(facts["labels"]),
            input_width=self._crop_spec.width,
            input_height=self._crop_spec.height,
            measured={key: value for key, value in facts.items() if key not in _NOT_MEASURED},
        )

    @property
    def path(self) -> Path:
        """Where the weights lie."""
        return self._path

    @property
    def card(self) -> ModelCard:
        """What runs."""
        return self._card

    @property
    def crop_spec(self) -> CropSpec:
        """Which crops it reads."""
        return self._crop_spec

    def predict(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Score a batch of crops; see ``CropClassifier``."""
        faces = np.ascontiguousarray(crops.transpose(0, 3, 1, 2), dtype=np.float32)
        logits = self._inference_session.run([OUTPUT], {INPUT: faces})[0]
        logits = logits[:, self._order]
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)

    def _read_crop_spec(self, path: Path) -> CropSpec:
        inputs = {node.name: node.shape for node in self._inference_session.get_inputs()}
        outputs = {node.name: node.shape for node in self._inference_session.get_outputs()}
        match inputs.get(INPUT), outputs.get(OUTPUT):
            case [_, 1 | 3 as channels, int(height), int(width)], [_, 7]:
                return CropSpec(width=width, height=height, channels=channels)
        raise InferenceUnavailable(
            f"{path.name} must map {INPUT} (N, 1 or 3, height, width) to {OUTPUT} (N, 7); "
            f"it maps {inputs} to {outputs}"
        )


_NOT_MEASURED = frozenset(
    {"name", "version", "labels", "input", "output", "file_sha256", "file_bytes"}
)


def _read(path: Path) -> tuple[bytes, dict[str, Any]]:
    try:
        content = path.read_bytes()
        facts = json.loads(path.with_suffix(".json").read_text("utf-8"))
    except FileNotFoundError as error:
        missing = Path(error.filename).name
        raise InferenceUnavailable(f"the classifier's file {missing} is missing") from error
    except (OSError, ValueError) as error:
        raise InferenceUnavailable(f"the files of {path.name} cannot be read") from error
    if not isinstance(facts, dict):
        raise InferenceUnavailable(f"{path.with_suffix('.json').name} holds no JSON object")
    absent = {"name", "version", "labels", "file_sha256"} - facts.keys()
    if absent:
        raise InferenceUnavailable(
            f"{path.with_suffix('.json').name} lacks {', '.join(sorted(absent))}"
        )
    labels = facts["labels"]
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise InferenceUnavailable(
            f"{path.with_suffix('.json').name}: labels must be a list of words"
        )
    if hashlib.sha256(content).hexdigest() != facts["file_sha256"]:
        raise InferenceUnavailable(
            f"{path.name} is not the file that {path.with_suffix('.json').name} describes "
            "(its SHA-256 differs); restore both from the same version"
        )
    return content, facts


def _order(labels: list[str], path: Path) -> list[int]:
    """For each emotion of the domain the position of its output."""
    if sorted(labels) != sorted(Emotion):
        raise InferenceUnavailable(
            f"{path.name} must score exactly {', '.join(Emotion)}; it scores {', '.join(labels)}"
        )
    return [labels.index(emotion) for emotion in Emotion]
