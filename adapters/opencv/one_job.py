"""Analysing an image, from bytes to emotions, as one job of the executor."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack

from adapters.inference.direct_classifier import DirectEmotionClassifier
from adapters.inference.direct_detector import DirectFaceDetector
from adapters.inference.executor import WorkExecutor
from adapters.inference.stepwise import StepwiseFaceAnalyser
from adapters.opencv.decoder import OpenCvImageDecoder, PreparedImage
from application.ports.emotion_classifier import EmotionClassifier
from application.ports.face_analyser import AnalysedImage, FaceAnalyser, FaceSearch
from application.ports.face_detector import FaceDetector
from application.ports.image_decoder import ImageDecoder
from application.ports.telemetry import Telemetry
from application.work.priority import Priority
from domain.face import Face


class OneJobFaceAnalyser:
    """Fulfils ``FaceAnalyser``: all work on an image runs on one thread as one job.

    See ``docs/adr/0017-an-image-is-one-job.md``.
    """

    way = "as one job"

    def __init__(
        self,
        *,
        decoder: OpenCvImageDecoder,
        detector: DirectFaceDetector,
        classifier: DirectEmotionClassifier,
        executor: WorkExecutor,
        telemetry: Telemetry,
    ) -> None:
        self._decoder = decoder
        self._detector = detector
        self._classifier = classifier
        self._executor = executor
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
        # The wait for a thread counts as part of the first stage.
        with ExitStack() as decoding:
            decoding.enter_context(self._telemetry.stage("decode"))
            prepared = await self._decoder.prepare(
                data, priority=priority, sender=sender, min_side_px=search.min_side_px
            )
            try:
                return await self._executor.run(
                    self._analyse, prepared, search, decoding, priority=priority, sender=sender
                )
            except BaseException:
                prepared.release()
                raise

    def _analyse(
        self,
        prepared: PreparedImage,
        search: FaceSearch,
        decoding: AbstractContextManager[object],
    ) -> AnalysedImage:
        with decoding:
            image = prepared.decode()
        followed = None
        if (expected := search.expected(image)) and self._detector.can_follow:
            with self._telemetry.stage("follow"):
                followed = self._detector.follow_now(image, expected)
        found = followed or []
        if (wanted := search.wanted(followed)) is not None:
            with self._telemetry.stage("detect"):
                found = self._detector.detect_now(image, wanted)
        chosen = search.choose(image, found)
        with self._telemetry.stage("classify"):
            readings = self._classifier.classify_now(image, chosen)
        faces = tuple(Face(*pair) for pair in zip(chosen, readings, strict=True))
        return AnalysedImage(image.width, image.height, image.media_type, faces)


def face_analyser_of(
    *,
    decoder: ImageDecoder,
    detector: FaceDetector,
    classifier: EmotionClassifier,
    executor: WorkExecutor,
    telemetry: Telemetry,
) -> FaceAnalyser:
    """One job per image if all three parts offer that; otherwise step by step."""
    if (
        isinstance(decoder, OpenCvImageDecoder)
        and isinstance(detector, DirectFaceDetector)
        and isinstance(classifier, DirectEmotionClassifier)
    ):
        return OneJobFaceAnalyser(
            decoder=decoder,
            detector=detector,
            classifier=classifier,
            executor=executor,
            telemetry=telemetry,
        )
    return StepwiseFaceAnalyser(
        decoder=decoder, detector=detector, classifier=classifier, telemetry=telemetry
    )
