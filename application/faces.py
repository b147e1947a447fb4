"""Finding the faces of a decoded image and reading their emotions."""

from __future__ import annotations

from collections.abc import Sequence

from application.ports.emotion_classifier import EmotionClassifier
from application.ports.face_analyser import FaceSearch
from application.ports.face_detector import FaceDetector, WantedFaces
from application.ports.telemetry import Telemetry
from application.work.priority import Priority
from domain.face import Face, FaceDetection
from domain.image import Image


class EveryFace:
    """Fulfils ``FaceSearch``: every face that the detector finds is read.

    Args:
        min_size_px: of its longer side, in the original's pixels.
        also_from_px: see ``WantedFaces``.
    """

    min_side_px: int | None = None

    def __init__(self, min_size_px: int, *, also_from_px: int | None = None) -> None:
        self._wanted = WantedFaces(min_size_px, also_from_px=also_from_px)

    def expected(self, image: Image) -> Sequence[FaceDetection]:
        """None: nothing is known before."""
        return ()

    def wanted(self, followed: Sequence[FaceDetection] | None) -> WantedFaces | None:
        """All faces of that size."""
        return self._wanted

    def choose(self, image: Image, found: Sequence[FaceDetection]) -> Sequence[FaceDetection]:
        """All that were found."""
        return found


class FaceReader:
    """Runs the detector, and then the classifier on what it found."""

    def __init__(
        self, *, detector: FaceDetector, classifier: EmotionClassifier, telemetry: Telemetry
    ) -> None:
        self._detector = detector
        self._classifier = classifier
        self._telemetry = telemetry

    async def read(
        self, image: Image, search: FaceSearch, *, priority: Priority = Priority.INTERACTIVE
    ) -> tuple[Face, ...]:
        """Find and read the faces of an image.

        Args:
            image: the decoded image.
            search: decides which of its faces are read.
            priority: decides the order when processors are busy.

        Returns:
            The faces that the search chose, in its order.

        Raises:
            InferenceUnavailable: detector or classifier cannot run.
        """
        followed = None
        if (expected := search.expected(image)) and self._detector.can_follow:
            with self._telemetry.stage("follow"):
                followed = await self._detector.follow(image, expected, priority=priority)
        found = followed or ()
        if (wanted := search.wanted(followed)) is not None:
            with self._telemetry.stage("detect"):
                found = await self._detector.detect(image, wanted, priority=priority)
        chosen = search.choose(image, found)
        with self._telemetry.stage("classify"):
            readings = await self._classifier.classify(image, chosen, priority=priority)
        return tuple(Face(*pair) for pair in zip(chosen, readings, strict=True))
