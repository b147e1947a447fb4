"""A classifier of the faces in fake images."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.in_memory.controllable import Controllable
from adapters.in_memory.scene import Scene
from application.ports.emotion_classifier import ModelCard
from application.work.priority import Priority
from domain.emotion import Emotion, EmotionScores
from domain.face import FaceDetection, FaceQuality, FaceReading
from domain.image import Image


class InMemoryEmotionClassifier(Controllable):
    """Reads the emotions that a fake image holds."""

    @property
    def card(self) -> ModelCard:
        """A model that was never measured."""
        return ModelCard("in-memory", "1", tuple(Emotion), input_width=48, input_height=48)

    async def check(self) -> None:
        """Fail if the test says so."""
        await self._wait_or_fail()

    async def classify(
        self,
        image: Image,
        faces: Sequence[FaceDetection],
        *,
        priority: Priority = Priority.INTERACTIVE,
    ) -> Sequence[FaceReading]:
        """Read the emotion of each face."""
        await self._wait_or_fail()
        return [reading_of(_shown_at(face, image), face) for face in faces]


def reading_of(emotion: Emotion, face: FaceDetection, *, score: float = 0.88) -> FaceReading:
    """A reliable reading of a face, in which this emotion leads and the others share the rest."""
    rest = (1 - score) / (len(Emotion) - 1)
    weights = {other: score if other is emotion else rest for other in Emotion}
    quality = FaceQuality(sharpness=1.0, brightness=0.5, size_px=face.box.longer_side)
    return FaceReading(EmotionScores.from_weights(weights), quality, reliable=True)


def _shown_at(face: FaceDetection, image: Image) -> Emotion:
    """The emotion of the drawn face that this one covers best."""
    if not isinstance(image.pixels, Scene) or not image.pixels.faces:
        return Emotion.NEUTRAL
    return max(image.pixels.faces, key=lambda drawn: drawn.box.iou(face.box)).emotion
