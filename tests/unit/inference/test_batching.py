"""Batches that form while the threads are busy, with a model that records them."""

import asyncio
import threading

import numpy as np
import pytest
from numpy.typing import NDArray

from adapters.inference.batching import BatchingEmotionClassifier
from adapters.inference.crops import CropSpec
from adapters.inference.executor import WorkExecutor
from application.errors import InferenceUnavailable
from application.ports.emotion_classifier import ModelCard
from application.work.priority import Priority
from domain.emotion import Emotion
from domain.face import FaceDetection, ReliabilityThresholds
from domain.geometry import BoundingBox
from domain.image import Image

ANYTHING_GOES = ReliabilityThresholds(
    min_sharpness=0, min_brightness=0, max_brightness=1, min_size_px=1, min_score=0
)


class BrightnessModel:
    """The brighter a crop, the happier; keeps the sizes of the batches it was given."""

    card = ModelCard("brightness", "1", tuple(Emotion), input_width=8, input_height=8)
    crop_spec = CropSpec(8, 8, 1)

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.error: Exception | None = None
        self.broken_scores = False

    def predict(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        levels = crops.reshape(len(crops), -1).mean(axis=1)
        self.batches.append(levels.round().astype(int).tolist())
        if self.error is not None:
            raise self.error
        scores = np.zeros((len(crops), len(Emotion)), np.float32)
        scores[:, 0] = np.nan if self.broken_scores else levels / 255
        scores[:, -1] = 1 - levels / 255
        return scores


class Plug:
    """Keeps the only thread busy until ``pull``, so that requests accumulate."""

    def __init__(self, executor: WorkExecutor) -> None:
        self._executor = executor
        self._began = threading.Event()
        self._pulled = threading.Event()

    async def __aenter__(self) -> None:
        self._task = asyncio.create_task(self._executor.run(self._hold))
        await asyncio.to_thread(self._began.wait, 30)

    async def __aexit__(self, *_: object) -> None:
        self._pulled.set()
        await self._task

    def _hold(self) -> None:
        self._began.set()
        assert self._pulled.wait(30)


@pytest.fixture
def model() -> BrightnessModel:
    return BrightnessModel()


@pytest.fixture
def classifier(model: BrightnessModel, single_thread: WorkExecutor) -> BatchingEmotionClassifier:
    return BatchingEmotionClassifier(model=model, executor=single_thread, thresholds=ANYTHING_GOES)


def grey(level: int) -> Image:
    return Image(np.full((64, 64, 3), level, np.uint8), 64, 64, "image/png")


def faces(count: int = 1) -> list[FaceDetection]:
    return [FaceDetection(BoundingBox(8 + i % 16, 8, 40, 40), 0.9) for i in range(count)]


def classify(
    classifier: BatchingEmotionClassifier,
    level: int,
    count: int = 1,
    priority: Priority = Priority.INTERACTIVE,
) -> asyncio.Task[list[float]]:
    async def happiness() -> list[float]:
        readings = await classifier.classify(grey(level), faces(count), priority=priority)
        return [round(reading.scores[Emotion.HAPPY] * 255) for reading in readings]

    return asyncio.create_task(happiness())


async def until_waiting(executor: WorkExecutor, jobs: int) -> None:
    await asyncio.sleep(0)
    assert executor.waiting == jobs


async def test_each_caller_gets_the_scores_of_its_own_crops(
    classifier: BatchingEmotionClassifier, single_thread: WorkExecutor, model: BrightnessModel
) -> None:
    async with Plug(single_thread):
        tasks = [classify(classifier, level, count) for level, count in ((10, 1), (20, 3), (30, 2))]
        await until_waiting(single_thread, 3)
    assert await asyncio.gather(*tasks) == [[10], [20, 20, 20], [30, 30]]
    assert model.batches == [[10, 20, 20, 20, 30, 30]]


async def test_an_idle_classifier_starts_at_once(
    classifier: BatchingEmotionClassifier, model: BrightnessModel
) -> None:
    assert await classify(classifier, 50) == [50]
    assert await classify(classifier, 60) == [60]
    assert model.batches == [[50], [60]]


async def test_no_faces_need_no_model(
    classifier: BatchingEmotionClassifier, model: BrightnessModel
) -> None:
    assert await classify(classifier, 10, count=0) == []
    assert model.batches == []


async def test_a_batch_holds_at_most_32_crops(
    classifier: BatchingEmotionClassifier, single_thread: WorkExecutor, model: BrightnessModel
) -> None:
    async with Plug(single_thread):
        tasks = [classify(classifier, level, 20) for level in (10, 20, 30)]
        large = classify(classifier, 40, 70)
        await until_waiting(single_thread, 4)
    assert await asyncio.gather(*tasks) == [[10] * 20, [20] * 20, [30] * 20]
    assert await large == [40] * 70
    assert max(len(batch) for batch in model.batches) <= 32
    assert sum(len(batch) for batch in model.batches) == 130


async def test_requests_that_fill_a_batch_exactly_share_it(
    classifier: BatchingEmotionClassifier, single_thread: WorkExecutor, model: BrightnessModel
) -> None:
    async with Plug(single_thread):
        tasks = [classify(classifier, level, 16) for level in (10, 20)]
        await until_waiting(single_thread, 2)
    await asyncio.gather(*tasks)
    assert model.batches == [[10] * 16 + [20] * 16]


async def test_interactive_requests_go_before_bulk(
    classifier: BatchingEmotionClassifier, single_thread: WorkExecutor, model: BrightnessModel
) -> None:
    async with Plug(single_thread):
        bulk = classify(classifier, 10, 20, Priority.BULK)
        await until_waiting(single_thread, 1)
        interactive = classify(classifier, 200, 20)
        await until_waiting(single_thread, 2)
    await asyncio.gather(bulk, interactive)
    assert model.batches == [[200] * 20, [10] * 20]


async def test_an_error_of_the_model_is_raised_for_every_caller_of_the_batch(
    classifier: BatchingEmotionClassifier, single_thread: WorkExecutor, model: BrightnessModel
) -> None:
    model.error = RuntimeError("out of memory at 0xdeadbeef")
    async with Plug(single_thread):
        tasks = [classify(classifier, level) for level in (10, 20)]
        await until_waiting(single_thread, 2)
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [InferenceUnavailable] * 2
    assert all("deadbeef" not in str(outcome) for outcome in outcomes)
    assert all(o.__cause__ is model.error for o in outcomes if isinstance(o, Exception))
    assert outcomes[0] is not outcomes[1]
    model.error = None
    assert await classify(classifier, 30) == [30]


async def test_scores_that_are_not_numbers_raise(
    classifier: BatchingEmotionClassifier, model: BrightnessModel
) -> None:
    model.broken_scores = True
    with pytest.raises(InferenceUnavailable):
        await classify(classifier, 30)


async def test_a_cancelled_caller_does_not_affect_others(
    classifier: BatchingEmotionClassifier, single_thread: WorkExecutor, model: BrightnessModel
) -> None:
    async with Plug(single_thread):
        leaving, staying = classify(classifier, 10), classify(classifier, 20)
        await until_waiting(single_thread, 2)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
    assert await staying == [20]
    assert model.batches == [[20]]


async def test_a_caller_may_be_cancelled_at_any_moment(
    classifier: BatchingEmotionClassifier, model: BrightnessModel
) -> None:
    """Cancelled after every possible number of turns of the loop; no crops stay behind."""
    for turns in range(40):
        leaving, staying = classify(classifier, 10), classify(classifier, 20)
        for _ in range(turns):
            await asyncio.sleep(0)
        leaving.cancel()
        assert await staying == [20]
        outcome = (await asyncio.gather(leaving, return_exceptions=True))[0]
        assert outcome == [10] or isinstance(outcome, asyncio.CancelledError)
        model.batches.clear()
        assert await classify(classifier, 30) == [30]
        assert model.batches == [[30]]


async def test_quality_is_measured_and_judged(
    model: BrightnessModel, single_thread: WorkExecutor
) -> None:
    thresholds = ReliabilityThresholds(
        min_sharpness=0, min_brightness=0.2, max_brightness=0.8, min_size_px=20, min_score=0
    )
    classifier = BatchingEmotionClassifier(
        model=model, executor=single_thread, thresholds=thresholds
    )
    large, small = faces()[0], FaceDetection(BoundingBox(0, 0, 15, 19), 0.9)
    for level, reliable in ((10, False), (128, True), (250, False)):
        readings = await classifier.classify(grey(level), [large, small])
        assert [reading.reliable for reading in readings] == [reliable, False]
        assert readings[0].quality.brightness == pytest.approx(level / 255)
        assert [reading.quality.size_px for reading in readings] == [40, 19]
