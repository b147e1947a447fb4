"""A classifier whose network runs on the thread that cuts the crops."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.inference.executor import WorkExecutor
from adapters.inference.face_crops import FaceCrops
from adapters.inference.model import CropClassifier, failure_of, score
from adapters.inference.quality import MEASURED_THRESHOLDS
from application.ports.emotion_classifier import ModelCard
from application.work.priority import Priority
from domain.face import BOX_ITSELF, BoxFraming, FaceDetection, FaceReading
from domain.image import Image


class DirectEmotionClassifier:
    """Fulfils the port ``EmotionClassifier`` for a ``CropClassifier`` that runs on the CPU.

    On a CPU a batch saves nothing: a crop takes the same time alone or in a batch. For a GPU or
    another machine, ``BatchingEmotionClassifier`` is better.

    Args:
        model: scores the crops.
        executor: does all of the work.
        framing: of the detector that finds the faces.
    """

    def __init__(
        self,
        *,
        model: CropClassifier,
        executor: WorkExecutor,
        framing: BoxFraming = BOX_ITSELF,
    ) -> None:
        self._model = model
        self._executor = executor
        self._framing = framing

    @property
    def card(self) -> ModelCard:
        """What is known about the model that runs."""
        return self._model.card

    async def check(self) -> None:
        """A model in this process always works."""

    async def classify(
        self,
        image: Image,
        faces: Sequence[FaceDetection],
        *,
        priority: Priority = Priority.INTERACTIVE,
    ) -> Sequence[FaceReading]:
        """Read the emotion of each face; see the port."""
        if not faces:
            return []
        return await self._executor.run(self.classify_now, image, faces, priority=priority)

    def classify_now(self, image: Image, faces: Sequence[FaceDetection]) -> list[FaceReading]:
        """Read the emotion of each face, on the calling thread."""
        if not faces:
            return []
        crops = FaceCrops.cut(image, faces, self._model.crop_spec, self._framing)
        try:
            scores = score(self._model, crops.pixels)
        except Exception as error:
            raise failure_of(error) from error
        return crops.readings(scores, MEASURED_THRESHOLDS)
