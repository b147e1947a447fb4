"""Analysing an image with decoder, detector and classifier, one port after the other."""

from __future__ import annotations

from collections.abc import Sequence

from application.ports.emotion_classifier import EmotionClassifier
from application.ports.face_analyser import AnalysedImage, FaceSearch
from application.ports.face_detector import FaceDetector
from application.ports.image_decoder import ImageDecoder
from application.ports.telemetry import Telemetry
from application.work.admission import Priority
from domain.face import Face, FaceDetection
from domain.image import Image


class StepwiseFaceAnalyser:
    """Fulfils ``FaceAnalyser`` with any three ports, each of which runs its work where it likes.

    This suits a classifier that gathers crops of many images: one on a graphics card, or on another
    machine.
    """

    def __init__(
        self,
        *,
        decoder: ImageDecoder,
        detector: FaceDetector,
        classifier: EmotionClassifier,
        telemetry: Telemetry,
    ) -> None:
        self._decoder = decoder
        self._detector = detector
        self._classifier = classifier
        self._telemetry = telemetry

    async def analyse(
        self,
        data: bytes,
        search: FaceSearch,
        *,
        priority: Priority = Priority.INTERACTIVE,
        sender: str = "",
    ) -> AnalysedImage:
        """Analyse one image; see the port."""
        with self._telemetry.stage("decode"):
            image = await self._decoder.decode(data, priority=priority, sender=sender)
        found = search.choose(image, await self._detect(image, search, priority))
        with self._telemetry.stage("classify"):
            readings = await self._classifier.classify(image, found, priority=priority)
        faces = tuple(Face(*pair) for pair in zip(found, readings, strict=True))
        return AnalysedImage(image.width, image.height, image.media_type, faces)

    async def _detect(
        self, image: Image, search: FaceSearch, priority: Priority
    ) -> Sequence[FaceDetection]:
        wanted = search.wanted(image)
        if wanted is None:
            return ()
        with self._telemetry.stage("detect"):
            return await self._detector.detect(image, wanted, priority=priority)
