"""A classifier of crops whose network runs on an inference server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from adapters.inference.crops import CropSpec
from adapters.inference.model import MAX_BATCH
from adapters.open_inference.served_model import (
    Tensors,
    are_probabilities,
    emotions_of,
    labels_of,
    scores_of,
    tensors_of,
)
from adapters.open_inference.server import Answer, InferenceServer, UnexpectedAnswer, Unreachable
from adapters.open_inference.tensors import decode, encode, read_json
from application.errors import InferenceUnavailable
from application.ports.emotion_classifier import ModelCard
from domain.emotion import Emotion

_Read = TypeVar("_Read")

_ANSWER_VALID_S = 5.0


@dataclass(frozen=True, slots=True)
class _Served:
    """A model that was checked, and the version that answered."""

    tensors: Tensors
    emotions: tuple[tuple[int, ...], ...]
    version: str | None
    binary: bool
    card: ModelCard


class OpenInferenceCropClassifier:
    """A network on NVIDIA Triton, KServe, OpenVINO Model Server or MLServer.

    The network maps FP32, 0..255, N x 1 x height x width (grey) or N x 3 x height x width (RGB) to
    logits, FP32, N x labels. The server's metadata is checked before the first face, and again
    after every failure, because the server may come back with another model.

    Its methods block and may be called from several threads at once.

    Args:
        server: where it runs.
        model: its name on the server.
        version: of the model; None leaves the choice to the server.
        labels: of its outputs in order; empty if the server knows them.
        max_batch: crops in one request.
    """

    def __init__(
        self,
        *,
        server: InferenceServer,
        model: str,
        version: str | None = None,
        labels: Sequence[str] = (),
        max_batch: int = MAX_BATCH,
    ) -> None:
        self._server = server
        self._model = model
        self._labels = tuple(labels)
        self._max_batch = max_batch
        self._path = f"/v2/models/{quote(model, safe='')}"
        if version is not None:
            self._path += f"/versions/{quote(version, safe='')}"
        self._served: _Served | None = None
        self._in_doubt = True
        self._inspecting = threading.Lock()
        self._failed_inspections = 0

    @property
    def card(self) -> ModelCard:
        """The card of the model that runs or ran last."""
        return self._known().card

    @property
    def crop_spec(self) -> CropSpec:
        """Which crops it reads."""
        return self._known().tensors.crop_spec

    @property
    def is_in_doubt(self) -> bool:
        """Whether the model has to be checked before it is used."""
        return self._in_doubt

    @property
    def is_fine(self) -> bool:
        """Whether a call succeeded just now."""
        return not self._in_doubt and self._server.answered_within(_ANSWER_VALID_S)

    def check(self) -> None:
        """Ask whether the model is ready, and check it if needed.

        Raises:
            Unreachable: the server does not answer.
            InferenceUnavailable: its model cannot be used.
        """
        if self._in_doubt:
            self._inspect_once_for_all()
        elif not self.is_fine:
            self._server.ask("GET", f"{self._path}/ready", read=self._read_readiness)

    def predict(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Score a batch of crops; see ``CropClassifier``."""
        served = self._known()
        try:
            logits = [
                self._ask(served, crops[start : start + self._max_batch])
                for start in range(0, len(crops), self._max_batch)
            ]
        except InferenceUnavailable:
            self._in_doubt = True
            raise
        return scores_of(np.concatenate(logits), served.emotions)

    def close(self) -> None:
        """Close the connections to the server."""
        self._server.close()

    def _known(self) -> _Served:
        served = self._served
        if served is None:
            raise Unreachable("the inference server has not been reached yet")
        return served

    def _read_readiness(self, answer: Answer) -> None:
        if answer.status != 200:
            self._in_doubt = True
            raise UnexpectedAnswer(f"its model {self._model} is not ready")

    def _inspect_once_for_all(self) -> None:
        failed_before = self._failed_inspections
        with self._inspecting:
            # Threads that waited for a check share its result.
            if not self._in_doubt:
                return
            if self._failed_inspections != failed_before:
                raise Unreachable("the inference server does not answer")
            try:
                self._served = self._inspect()
            except InferenceUnavailable:
                self._failed_inspections += 1
                raise
            self._in_doubt = False

    def _inspect(self) -> _Served:
        """Read the model's metadata and try it."""
        about = self._get("/v2", "does not speak the Open Inference Protocol v2 here")
        extensions = about.get("extensions") or ()
        missing = f"has no model {self._path.removeprefix('/v2/models/')} that is ready"
        tensors = tensors_of(self._get(self._path, missing))
        binary = "binary_tensor_data" in extensions
        spec = tensors.crop_spec
        shape = (self._max_batch, spec.height, spec.width, spec.channels)
        noise = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        version, logits = self._infer(tensors, noise, binary=binary)
        if are_probabilities(logits):
            raise InferenceUnavailable(
                "the model on the inference server returns probabilities; logits are needed, "
                "the output before its softmax"
            )
        outputs = logits.shape[1]
        served_labels = None
        if "classification" in extensions:
            served_labels = self._classify(tensors, noise[:1], outputs)
        name = about.get("name") or "an unnamed server"
        card = ModelCard(
            name=f"{self._model} (remote)",
            version=f"{version or 'unnumbered'}, on {name} {about.get('version') or ''}".strip(),
            labels=tuple(emotion.value for emotion in Emotion),
            input_width=spec.width,
            input_height=spec.height,
        )
        emotions = emotions_of(served_labels, self._labels, outputs)
        return _Served(tensors, emotions, version, binary, card)

    def _get(self, path: str, fault: str) -> dict[str, Any]:
        def read(answer: Answer) -> dict[str, Any] | None:
            return read_json(answer) if answer.status == 200 else None

        found = self._server.ask("GET", path, read=read)
        if found is None:
            raise InferenceUnavailable(f"the inference server {fault}")
        return found

    def _ask(self, served: _Served, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        version, logits = self._infer(served.tensors, crops, binary=served.binary)
        if version != served.version:
            raise InferenceUnavailable(
                "the model on the inference server was replaced", retry_after_s=1
            )
        return logits

    def _infer(
        self, tensors: Tensors, crops: NDArray[np.uint8], *, binary: bool
    ) -> tuple[str | None, NDArray[np.float32]]:
        """Version of the model that answered, and logits, N x outputs."""

        def read(answer: Answer) -> tuple[str | None, NDArray[np.float32]]:
            if answer.status != 200:
                raise InferenceUnavailable(
                    f"the inference server refuses {len(crops)} faces with {answer.status}: "
                    f"{answer.body[:200].decode(errors='replace')}"
                )
            version, logits = decode(answer, tensors.output_name)
            rows, columns = logits.shape if logits.ndim == 2 else (0, 0)
            if rows != len(crops) or columns != (tensors.outputs or columns):
                raise UnexpectedAnswer(
                    f"it answers {len(crops)} faces with logits of shape {logits.shape}"
                )
            return version, logits

        parameters = {"binary_data": True} if binary else {}
        return self._post(tensors, crops, parameters, binary=binary, read=read)

    def _classify(
        self, tensors: Tensors, crop: NDArray[np.uint8], outputs: int
    ) -> list[str] | None:
        """The labels of the outputs from the server; None if it has none."""

        def read(answer: Answer) -> list[str] | None:
            return labels_of(answer) if answer.status == 200 else None

        return self._post(tensors, crop, {"classification": outputs}, binary=False, read=read)

    def _post(
        self,
        tensors: Tensors,
        crops: NDArray[np.uint8],
        parameters: Mapping[str, Any],
        *,
        binary: bool,
        read: Callable[[Answer], _Read],
    ) -> _Read:
        output = {"name": tensors.output_name, "parameters": parameters}
        headers, body = encode(crops, input_name=tensors.input_name, output=output, binary=binary)
        return self._server.ask(
            "POST", f"{self._path}/infer", content=body, headers=headers, read=read
        )
