"""Reading emotions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from application.work.priority import Priority
from domain.face import FaceDetection, FaceReading
from domain.image import Image


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What is known about the model that runs.

    Attributes:
        name: of the model.
        version: of the weights.
        labels: emotion words in the order of the model's outputs.
        input_width: of the crops it reads, in pixels.
        input_height: likewise.
        measured: accuracy, recall, calibration and on which data; empty if not measured.
    """

    name: str
    version: str
    labels: tuple[str, ...]
    input_width: int
    input_height: int
    measured: Mapping[str, object] = field(default_factory=dict)


class EmotionClassifier(Protocol):
    """Reads the emotions of faces that were found.

    As with detectors, a ``DirectEmotionClassifier`` (in ``adapters/inference``) becomes part of the
    one job of an image, and any other is a step of its own.
    """

    @property
    def card(self) -> ModelCard:
        """What is known about the model that runs.

        Raises:
            InferenceUnavailable: it runs elsewhere and has not been reached yet.
        """
        ...

    async def check(self) -> None:
        """Check that faces can be read now.

        Raises:
            InferenceUnavailable: they cannot.
        """
        ...

    async def classify(
        self,
        image: Image,
        faces: Sequence[FaceDetection],
        *,
        priority: Priority = Priority.INTERACTIVE,
    ) -> Sequence[FaceReading]:
        """Read the emotion of each face.

        Args:
            image: the image the faces were found in.
            faces: boxes in the original's pixels; may be empty.
            priority: decides the order when processors are busy.

        Returns:
            One reading per face, in the same order.

        Raises:
            InferenceUnavailable: the model cannot run.
        """
        ...
