"""Checking that a served model fits: its inputs, outputs and labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.inference.crops import CropSpec
from adapters.inference.labels import UnknownLabels, outputs_of_emotions
from adapters.inference.model import softmax
from adapters.open_inference.server import Answer, UnexpectedAnswer
from adapters.open_inference.tensors import read_json
from application.errors import InferenceUnavailable

# Face classifiers read a few hundred pixels. A batch of this size is 0.4 GB already.
_MAX_SIDE_PX = 1024


@dataclass(frozen=True, slots=True)
class Tensors:
    """The one input and the one output of a model that reads faces.

    Attributes:
        crop_spec: what it reads, as float32 in 0..255.
        input_name: of the faces.
        output_name: of the logits.
        outputs: how many logits a face has; None if the server does not say.
    """

    crop_spec: CropSpec
    input_name: str
    output_name: str
    outputs: int | None


def tensors_of(metadata: Mapping[str, Any]) -> Tensors:
    """Read a model's metadata.

    Raises:
        InferenceUnavailable: the model has other inputs or outputs; the message says which.
    """
    try:
        (faces,), (logits,) = metadata["inputs"], metadata["outputs"]
        names = str(faces["name"]), str(logits["name"])
        types = faces["datatype"], logits["datatype"]
        shape, answered = list(faces["shape"]), list(logits["shape"])
    except (KeyError, TypeError, ValueError):
        raise _misfit(metadata) from None
    match shape, answered:
        case [-1, 1 | 3 as channels, int(height), int(width)], [-1, int(count)] if (
            types == ("FP32", "FP32") and 0 < height <= _MAX_SIDE_PX and 0 < width <= _MAX_SIDE_PX
        ):
            spec = CropSpec(width=width, height=height, channels=channels)
            return Tensors(spec, *names, outputs=count if count > 0 else None)
    raise _misfit(metadata)


def emotions_of(
    served: Sequence[str] | None, wanted: Sequence[str], outputs: int
) -> tuple[tuple[int, ...], ...]:
    """Which outputs stand for each emotion.

    Args:
        served: the labels from the server; None if it has none.
        wanted: the labels from the settings; empty if not set.
        outputs: how many outputs the model has.

    Raises:
        InferenceUnavailable: there are no labels, they disagree, or they do not name the
            emotions.
    """
    labels = served or wanted
    if not labels:
        raise InferenceUnavailable(
            "the inference server does not name the outputs of its model; list them in "
            "REMOTE_CLASSIFIER_LABELS, in order"
        )
    if served and wanted and list(served) != list(wanted):
        raise InferenceUnavailable(
            f"REMOTE_CLASSIFIER_LABELS says {', '.join(wanted)}; the inference server says "
            f"{', '.join(served)}"
        )
    if len(labels) != outputs:
        raise InferenceUnavailable(
            f"the model on the inference server has {outputs} outputs, and there are "
            f"{len(labels)} labels: {', '.join(labels)}"
        )
    try:
        return outputs_of_emotions(labels)
    except UnknownLabels as error:
        raise InferenceUnavailable(
            f"the inference server's model cannot be used: {error}"
        ) from error


def labels_of(answer: Answer) -> list[str] | None:
    """Read the labels from a classification; None if the server has none.

    A classification (Triton's extension) lists the outputs of a face, the highest first, each as
    ``value:position:label``.

    Raises:
        UnexpectedAnswer: the answer is not a classification.
    """
    try:
        (output,) = read_json(answer)["outputs"]
        found = [str(entry).split(":", 2) for entry in output["data"]]
        labels = {int(entry[1]): entry[2] for entry in found if len(entry) == 3 and entry[2]}
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise UnexpectedAnswer("its answer is not a classification") from error
    if sorted(labels) != list(range(len(found))):
        return None
    return [labels[position] for position in range(len(found))]


def scores_of(
    logits: NDArray[np.float32], emotions: tuple[tuple[int, ...], ...]
) -> NDArray[np.float32]:
    """Probabilities, N x emotions: the softmax over the outputs that name one."""
    grouped = np.stack(
        [np.logaddexp.reduce(logits[:, list(group)], axis=1) for group in emotions], axis=1
    )
    return softmax(grouped)


def are_probabilities(answers: NDArray[np.float32]) -> bool:
    """Whether the outputs are probabilities already: another softmax would flatten every score."""
    return bool((answers >= 0).all() and np.allclose(answers.sum(axis=1), 1, atol=1e-3))


def _misfit(metadata: Mapping[str, Any]) -> InferenceUnavailable:
    return InferenceUnavailable(
        "the model on the inference server must map one input FP32 (-1, 1 or 3, height, width), of "
        f"at most {_MAX_SIDE_PX} pixels a side, to one output FP32 (-1, labels); it maps "
        f"{_shown(metadata.get('inputs'))} to {_shown(metadata.get('outputs'))}"
    )


def _shown(tensors: object) -> str:
    if not isinstance(tensors, list) or not tensors:
        return "nothing"
    return ", ".join(
        f"{each.get('name')} {each.get('datatype')} {each.get('shape')}"
        if isinstance(each, dict)
        else repr(each)[:50]
        for each in tensors[:5]
    )
