"""Analysing an image with decoder, detector and classifier, one port after the other."""

from __future__ import annotations

from application.faces import FaceReader
from application.ports.emotion_classifier import EmotionClassifier
from application.ports.face_analyser import AnalysedImage, FaceSearch
from application.ports.face_detector import FaceDetector
from application.ports.image_decoder import ImageDecoder
from application.ports.telemetry import Telemetry
from application.work.priority import Priority


class StepwiseFaceAnalyser:
    """Fulfils ``FaceAnalyser`` with any three ports, each of which runs its work where it likes.

    This suits a classifier that gathers crops of many images: one on a graphics card, or on another
    machine.
    """

    way = "step by step"

    def __init__(
        self,
        *,
        decoder: ImageDecoder,
        detector: FaceDetector,
        classifier: EmotionClassifier,
        telemetry: Telemetry,
    ) -> None:
        self._decoder = decoder
        self._face_reader = FaceReader(
            detector=detector, classifier=classifier, telemetry=telemetry
        )
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
        faces = await self._face_reader.read(image, search, priority=priority)
        return AnalysedImage(image.width, image.height, image.media_type, faces)
