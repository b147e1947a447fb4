"""Analysing an image as one job gives the same result as port by port, with one hand-over."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
import pytest
import skimage.data

from adapters.in_memory import InMemoryTelemetry
from adapters.inference.direct_classifier import DirectEmotionClassifier
from adapters.inference.executor import WorkExecutor
from adapters.inference.stepwise import StepwiseFaceAnalyser
from adapters.onnx.classifier import OnnxCropClassifier
from adapters.onnx.face_detector import OnnxFaceDetector
from adapters.opencv.decoder import OpenCvImageDecoder
from adapters.opencv.decoding_process import DecodingProcess
from adapters.opencv.one_job import OneJobFaceAnalyser, face_analyser_of
from application.errors import InferenceUnavailable
from application.faces import EveryFace
from application.ports.face_detector import WantedFaces
from application.work.memory_budget import MemoryBudget
from application.work.priority import Priority
from domain.errors import InvalidImage
from domain.face import FaceDetection
from domain.geometry import BoundingBox
from domain.image import Image
from tests.decoding_limits import USUAL_LIMITS

BUDGET_BYTES = 10**9


def encoded(suffix: str = ".jpg") -> bytes:
    bgr = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR)
    return cv2.imencode(suffix, bgr)[1].tobytes()


class CountingExecutor(WorkExecutor):
    jobs = 0

    async def run(  # type: ignore[override]
        self, function: Any, *arguments: Any, **order: Any
    ) -> Any:
        self.jobs += 1
        return await super().run(function, *arguments, **order)


class NoFace(EveryFace):
    """Needs no detection."""

    def wanted(self, followed: Sequence[FaceDetection] | None) -> None:
        return None


class Known(EveryFace):
    """Follows a face, and searches for others if it is gone."""

    def __init__(self, min_size_px: int, face: FaceDetection) -> None:
        super().__init__(min_size_px)
        self.face = face

    def expected(self, image: Image) -> Sequence[FaceDetection]:
        return [self.face]

    def wanted(self, followed: Sequence[FaceDetection] | None) -> WantedFaces | None:
        return None if followed else WantedFaces(64)


class Coarse(EveryFace):
    """Keeps the shape of the image."""

    min_side_px = 200
    shape: tuple[int, ...] = ()

    def choose(self, image: Image, found: Sequence[FaceDetection]) -> Sequence[FaceDetection]:
        assert isinstance(image.pixels, np.ndarray)
        self.shape = image.pixels.shape
        return super().choose(image, found)


class Faulty(EveryFace):
    def choose(self, image: Image, found: Sequence[FaceDetection]) -> Sequence[FaceDetection]:
        raise KeyError("a bug")


@dataclass
class Parts:
    executor: CountingExecutor
    process: DecodingProcess = field(default_factory=DecodingProcess)
    budget: MemoryBudget = field(default_factory=lambda: MemoryBudget(BUDGET_BYTES))
    telemetry: InMemoryTelemetry = field(default_factory=InMemoryTelemetry)

    def __post_init__(self) -> None:
        self.decoder = OpenCvImageDecoder(
            executor=self.executor,
            process=self.process,
            budget=self.budget,
            limits=USUAL_LIMITS,
        )
        self.detector = OnnxFaceDetector(executor=self.executor)
        self.classifier = DirectEmotionClassifier(
            model=OnnxCropClassifier(),
            executor=self.executor,
            framing=self.detector.framing,
        )
        self.one_job = face_analyser_of(
            decoder=self.decoder,
            detector=self.detector,
            classifier=self.classifier,
            executor=self.executor,
            telemetry=self.telemetry,
        )
        self.stepwise = StepwiseFaceAnalyser(
            decoder=self.decoder,
            detector=self.detector,
            classifier=self.classifier,
            telemetry=InMemoryTelemetry(),
        )

    async def until_nothing_is_held(self) -> None:
        async with asyncio.timeout(30):
            while self.budget.held_bytes:  # noqa: ASYNC110 (nothing is announced)
                await asyncio.sleep(0.005)


@pytest.fixture
def parts() -> Iterator[Parts]:
    parts = Parts(CountingExecutor(1))
    yield parts
    parts.executor.close()
    parts.process.close()


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp"])
async def test_one_job_gives_the_same_result_as_the_steps(parts: Parts, suffix: str) -> None:
    """Also for a BMP, which is decoded in its own process."""
    assert isinstance(parts.one_job, OneJobFaceAnalyser)
    image, search = encoded(suffix), EveryFace(64)
    together = await parts.one_job.analyse(image, search)
    assert parts.executor.jobs == 1
    assert dict(parts.telemetry.stages) == {"decode": 1, "detect": 1, "classify": 1}
    step_by_step = await parts.stepwise.analyse(image, search)
    assert len(together.faces) == 1
    assert together == step_by_step
    assert (parts.one_job.way, parts.stepwise.way) == ("as one job", "step by step")
    await parts.until_nothing_is_held()


async def test_the_detector_is_skipped_if_the_search_does_not_need_it(parts: Parts) -> None:
    assert (await parts.one_job.analyse(encoded(), NoFace(40))).faces == ()
    assert parts.telemetry.stages["detect"] == 0


async def test_a_face_that_is_where_it_was_expected_needs_no_search(parts: Parts) -> None:
    (found,) = (await parts.one_job.analyse(encoded(), EveryFace(64))).faces
    box = found.detection.box
    near = FaceDetection(replace(box, x=box.x + box.width // 5), 0.75)
    far = FaceDetection(BoundingBox(0, 350, 100, 120), 0.75)
    parts.telemetry.stages.clear()
    (face,) = (await parts.one_job.analyse(encoded(), Known(64, near))).faces
    assert face.detection.box.iou(box) > 0.8
    assert face.detection.confidence == pytest.approx(0.75)
    assert face.reading.scores.dominant is found.reading.scores.dominant
    assert dict(parts.telemetry.stages) == {"decode": 1, "follow": 1, "classify": 1}
    assert (await parts.stepwise.analyse(encoded(), Known(64, near))).faces == (face,)
    assert (await parts.one_job.analyse(encoded(), Known(64, far))).faces == (found,)
    assert parts.telemetry.stages["detect"] == 1


async def test_a_search_that_needs_less_gets_a_smaller_image_and_the_same_boxes(
    parts: Parts,
) -> None:
    fine = await parts.one_job.analyse(encoded(), EveryFace(40))
    search = Coarse(40)
    coarse = await parts.one_job.analyse(encoded(), search)
    assert search.shape == (256, 256, 3)
    assert (coarse.width, coarse.height) == (512, 512), "boxes are in pixels of the original"
    one, other = (found.faces[0].detection.box for found in (fine, coarse))
    assert one.iou(other) > 0.8
    await parts.until_nothing_is_held()


@pytest.mark.parametrize("data", [b"", b"no image", encoded()[:-4000]])
async def test_an_unreadable_image_is_refused_and_holds_no_memory(
    parts: Parts, data: bytes
) -> None:
    with pytest.raises(InvalidImage):
        await parts.one_job.analyse(data, EveryFace(40))
    assert parts.telemetry.failed_stages["decode"] == 1
    await parts.until_nothing_is_held()


async def test_an_error_during_a_job_holds_no_memory(parts: Parts) -> None:
    with pytest.raises(KeyError):
        await parts.one_job.analyse(encoded(), Faulty(40))
    await parts.until_nothing_is_held()


async def test_a_cancelled_caller_holds_no_memory(parts: Parts) -> None:
    image = encoded()
    calls = [asyncio.create_task(parts.one_job.analyse(image, EveryFace(40))) for _ in range(4)]
    await asyncio.sleep(0)
    for call in calls[1:]:
        call.cancel()
    found = await asyncio.gather(*calls, return_exceptions=True)
    assert [isinstance(each, asyncio.CancelledError) for each in found] == [False, *3 * [True]]
    assert parts.executor.waiting == 0
    await parts.until_nothing_is_held()


async def test_urgent_images_go_before_those_of_batches(parts: Parts) -> None:
    image, order = encoded(), []

    async def send(priority: Priority) -> None:
        await parts.one_job.analyse(image, EveryFace(40), priority=priority)
        order.append(priority)

    bulk, urgent = Priority.BULK, Priority.INTERACTIVE
    await asyncio.gather(*(send(each) for each in (bulk, bulk, bulk, urgent)))
    assert order.index(urgent) <= 1, "only what was begun before goes first"


async def test_an_error_of_the_classifier_is_translated(parts: Parts) -> None:
    class Broken(OnnxCropClassifier):
        def predict(self, crops: np.ndarray) -> np.ndarray:
            raise RuntimeError("of the runtime")

    classifier = DirectEmotionClassifier(model=Broken(), executor=parts.executor)
    analyser = face_analyser_of(
        decoder=parts.decoder,
        detector=parts.detector,
        classifier=classifier,
        executor=parts.executor,
        telemetry=parts.telemetry,
    )
    with pytest.raises(InferenceUnavailable, match="classifier failed"):
        await analyser.analyse(encoded(), EveryFace(40))
    await parts.until_nothing_is_held()
