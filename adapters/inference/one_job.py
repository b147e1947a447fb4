"""An image's way from bytes to emotions as one job of the executor."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Protocol, runtime_checkable

from adapters.inference.executor import WorkExecutor
from application.ports.emotion_classifier import EmotionClassifier
from application.ports.face_analyser import AnalysedImage, FaceAnalyser, FaceSearch
from application.ports.face_detector import FaceDetector
from application.ports.image_decoder import ImageDecoder
from application.ports.telemetry import Telemetry
from application.stepwise_analysis import StepwiseFaceAnalyser
from application.work import Priority
from domain.face import Face, FaceDetection, FaceReading
from domain.image import Image


class PreparedImage(Protocol):
    """An image for which there is room, and which is decoded on whatever thread asks for it."""

    def decode(self) -> Image:
        """Decode it; blocks. Called once."""
        ...

    def release(self) -> None:
        """Give its room back where nobody will decode it any more; from any thread."""
        ...


@runtime_checkable
class PreparesImages(Protocol):
    """A decoder whose last step can be a part of a larger job."""

    async def prepare(
        self,
        data: bytes,
        *,
        priority: Priority = Priority.INTERACTIVE,
        sender: str = "",
        least_side_px: int | None = None,
    ) -> PreparedImage:
        """Read the header and wait for room; what is not for this process is decoded elsewhere.

        Args:
            data: the encoded image.
            priority: who gets room first.
            sender: among whom it is shared out.
            least_side_px: that a reduced scale has to keep of the longer side, where that is less
                than the decoder keeps otherwise.
        """
        ...


@runtime_checkable
class DetectsNow(Protocol):
    """A detector that can be a part of a larger job; safe on several threads at once."""

    def detect_now(
        self,
        image: Image,
        min_size_px: int,
        min_confidence: float,
        fit_within: tuple[int, int] | None,
    ) -> list[FaceDetection]:
        """Find the faces; blocks. See ``FaceDetector.detect``."""
        ...


@runtime_checkable
class ClassifiesNow(Protocol):
    """A classifier that can be a part of a larger job; safe on several threads at once."""

    def classify_now(self, image: Image, faces: Sequence[FaceDetection]) -> list[FaceReading]:
        """Read the faces; blocks. See ``EmotionClassifier.classify``."""
        ...


class OneJobFaceAnalyser:
    """Fulfils ``FaceAnalyser``: an image is handed to a thread once, and stays there to the end.

    See ``docs/adr/0017-an-image-is-one-job.md``.
    """

    def __init__(
        self,
        *,
        decoder: PreparesImages,
        detector: DetectsNow,
        classifier: ClassifiesNow,
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
        # The wait for a thread counts as a part of the first stage.
        with ExitStack() as decoding:
            decoding.enter_context(self._telemetry.stage("decode"))
            prepared = await self._decoder.prepare(
                data, priority=priority, sender=sender, least_side_px=search.least_side_px
            )
            try:
                return await self._executor.run(
                    self._analyse, prepared, search, decoding, priority=priority
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
        request, found = search.request(image), []
        if request is not None:
            with self._telemetry.stage("detect"):
                found = self._detector.detect_now(
                    image, request.min_size_px, request.min_confidence, request.fit_within
                )
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
    """One job an image where all three parts run in this process; otherwise step by step."""
    if (
        isinstance(decoder, PreparesImages)
        and isinstance(detector, DetectsNow)
        and isinstance(classifier, ClassifiesNow)
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
