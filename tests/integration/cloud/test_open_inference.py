"""An inference server that answers rightly, wrongly, late or not at all."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from adapters.circuit_breaker import CircuitBreaker
from adapters.in_memory import InMemoryClock
from adapters.inference.crops import CropSpec
from adapters.inference.executor import WorkExecutor
from adapters.onnx.classifier import OnnxCropClassifier
from adapters.open_inference import (
    OpenInferenceCropClassifier,
    OpenInferenceEmotionClassifier,
    Unreachable,
)
from application.errors import InferenceUnavailable
from domain.emotion import Emotion
from domain.face import FaceDetection
from domain.geometry import BoundingBox
from domain.image import Image
from tests.servers.flaky import FlakyProxy, flaky_proxy
from tests.servers.open_inference import (
    Change,
    InferenceDouble,
    classifier_at,
    inference_double,
    without_extensions,
)

LABELS = ["happy", "sad", "angry", "disgust", "fear", "surprise", "neutral"]


@pytest.fixture
def crops() -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (40, 48, 48, 1), dtype=np.uint8)


@pytest.fixture
def here(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The scores of the same network in this process."""
    return OnnxCropClassifier().predict(crops)


@pytest.fixture
async def double(triton: str) -> AsyncIterator[InferenceDouble]:
    async with inference_double(triton) as double:
        yield double


@pytest.fixture
async def wire(triton: str) -> AsyncIterator[FlakyProxy]:
    async with flaky_proxy(triton.removeprefix("http://")) as proxy:
        yield proxy


Connect = Callable[..., OpenInferenceCropClassifier]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Makes classifiers at a URL, and closes them."""
    made = []

    def make(url: str, **options: Any) -> OpenInferenceCropClassifier:
        made.append(classifier_at(url, **options))
        return made[-1]

    yield make
    for classifier in made:
        classifier.close()


async def predict(
    classifier: OpenInferenceCropClassifier, crops: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """Score crops as a caller does: check the model if needed, then call it."""
    if classifier.is_in_doubt:
        await asyncio.to_thread(classifier.check)
    return await asyncio.to_thread(classifier.predict, crops)


# Agreement


async def test_scores_from_triton_equal_those_of_this_process(
    connect: Connect, double: InferenceDouble, crops: NDArray[np.uint8], here: NDArray[np.float32]
) -> None:
    there = await predict(connect(double.url), crops)
    np.testing.assert_allclose(there, here, atol=1e-5)
    assert double.asked["infer"] == 4, "a trial, the labels, and 40 faces in batches of 32 and 8"


async def test_scores_sent_as_json_are_the_same(
    connect: Connect, double: InferenceDouble, crops: NDArray[np.uint8], here: NDArray[np.float32]
) -> None:
    double.changes["v2"] = without_extensions
    classifier = connect(double.url, labels=LABELS, max_batch=7)
    np.testing.assert_allclose(await predict(classifier, crops), here, atol=1e-5)
    assert double.asked["infer"] == 7, "a trial, and 40 faces in batches of 7"


async def test_synonyms_and_a_left_out_label_are_mapped(
    connect: Connect, double: InferenceDouble, crops: NDArray[np.uint8], here: NDArray[np.float32]
) -> None:
    words = ["Happiness", "sadness", "anger", "disgusted", "scared", "contempt", "neutral"]
    double.changes["v2"] = without_extensions
    with pytest.raises(InferenceUnavailable, match="no label means surprise"):
        await predict(connect(double.url, labels=words), crops)
    words[5] = "surprised"
    there = await predict(connect(double.url, labels=words), crops)
    np.testing.assert_allclose(there, here, atol=1e-5)


async def test_the_card_names_the_server_and_no_accuracy(connect: Connect, triton: str) -> None:
    classifier = connect(triton)
    await asyncio.to_thread(classifier.check)
    assert classifier.card.name == "emotion (remote)"
    assert classifier.card.version.startswith("1, on triton 2.")
    assert classifier.card.measured == {}
    assert classifier.crop_spec == CropSpec(48, 48, 1)


# Unsuitable models


def reshape(where: str, **facts: Any) -> Change:
    def change(metadata: dict[str, Any]) -> None:
        metadata[where][0] |= facts

    return change


def twice(metadata: dict[str, Any]) -> None:
    metadata["outputs"] *= 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (reshape("inputs", datatype="UINT8"), "it maps faces UINT8"),
        (reshape("inputs", shape=[1, 1, 48, 48]), r"\[1, 1, 48, 48\]"),
        (reshape("inputs", shape=[-1, 48, 48, 3]), r"\[-1, 48, 48, 3\]"),
        (reshape("inputs", shape=[-1, 3, -1, -1]), r"\[-1, 3, -1, -1\]"),
        (reshape("outputs", datatype="FP64"), "to logits FP64"),
        (twice, r"to logits .*, logits "),
        (dict.clear, "it maps nothing to nothing"),
        (reshape("inputs", shape=[-1, 3, 48, 10**6]), r"\[-1, 3, 48, 1000000\]"),
        (reshape("inputs", shape=[-1, 1, 64, 64]), "refuses 32 faces"),
        (reshape("inputs", name="pixels"), "refuses 32 faces"),
    ],
)
async def test_a_model_with_other_inputs_or_outputs_is_refused(
    connect: Connect, double: InferenceDouble, change: Change, words: str
) -> None:
    double.changes["emotion"] = change
    with pytest.raises(InferenceUnavailable, match=words) as caught:
        await asyncio.to_thread(connect(double.url).check)
    assert not isinstance(caught.value, Unreachable)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": "emotions"}, "has no model emotions that is ready"),
        ({"model": "../health/live"}, "has no model"),
        ({"version": "7"}, "has no model emotion/versions/7 that is ready"),
        ({"max_batch": 64}, "refuses 64 faces"),
        ({"labels": ["sad", "happy", *LABELS[2:]]}, "says sad, happy, .* says happy, sad, "),
    ],
)
async def test_settings_that_contradict_the_model_are_named(
    connect: Connect, triton: str, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(InferenceUnavailable, match=words) as caught:
        await asyncio.to_thread(connect(triton, **options).check)
    assert not isinstance(caught.value, Unreachable)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ((), "list them in REMOTE_CLASSIFIER_LABELS"),
        (LABELS[:6], "7 outputs, and there are 6 labels"),
        ([*LABELS[:6], "bored"], "bored is unknown"),
    ],
)
async def test_outputs_without_labels_are_refused(
    connect: Connect, double: InferenceDouble, labels: list[str], words: str
) -> None:
    double.changes["v2"] = without_extensions
    with pytest.raises(InferenceUnavailable, match=words):
        await asyncio.to_thread(connect(double.url, labels=labels).check)


async def test_the_configured_version_is_used(
    connect: Connect, triton: str, crops: NDArray[np.uint8], here: NDArray[np.float32]
) -> None:
    there = await predict(connect(triton, version="1"), crops)
    np.testing.assert_allclose(there, here, atol=1e-5)


async def test_a_server_without_the_protocol_is_reported(
    connect: Connect, double: InferenceDouble
) -> None:
    double.status = 404
    with pytest.raises(InferenceUnavailable, match="does not speak the Open Inference Protocol"):
        await asyncio.to_thread(connect(double.url).check)


async def test_a_malformed_address_is_reported(connect: Connect) -> None:
    with pytest.raises(InferenceUnavailable, match="REMOTE_CLASSIFIER_URL"):
        connect("http://[::1")


def in_json(change: Change) -> dict[str, Change]:
    return {"v2": without_extensions, "infer": change}


def give(values: Sequence[object], **facts: object) -> Change:
    def change(answer: dict[str, Any]) -> None:
        (output,) = answer["outputs"]
        output["data"] = (list(values) * output["shape"][0])[: len(output["data"])]
        output |= facts

    return change


async def test_outputs_that_are_probabilities_are_refused(
    connect: Connect, double: InferenceDouble
) -> None:
    double.changes |= in_json(give([0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.4]))
    with pytest.raises(InferenceUnavailable, match="probabilities"):
        await asyncio.to_thread(connect(double.url, labels=LABELS).check)


# Failing servers: an error, never a score


@pytest.mark.parametrize("status", [500, 503])
async def test_a_failing_server_raises_until_it_recovers(
    connect: Connect,
    double: InferenceDouble,
    crops: NDArray[np.uint8],
    here: NDArray[np.float32],
    status: int,
) -> None:
    classifier = connect(double.url)
    await predict(classifier, crops)
    double.status = status
    with pytest.raises(Unreachable, match=f"it answers {status}"):
        await predict(classifier, crops)
    double.behave()
    np.testing.assert_allclose(await predict(classifier, crops), here, atol=1e-5)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html>welcome</html>", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"[" * 100_000, "not JSON"),
        (b'{"outputs": [{"name": "logits"}]}', "not a tensor"),
        (b'{"outputs": {}}', "not a tensor"),
        (b" " * 2_000_000, "no end"),
    ],
)
async def test_a_malformed_answer_raises(
    connect: Connect, double: InferenceDouble, crops: NDArray[np.uint8], body: bytes, words: str
) -> None:
    classifier = connect(double.url)
    await predict(classifier, crops)
    double.body = body
    with pytest.raises(Unreachable, match=words):
        await asyncio.to_thread(classifier.predict, crops)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (give([float("nan")] * 7), "not numbers"),
        (give([None] * 7), "not numbers|not a tensor"),
        (give(["1"] * 6 + ["x"]), "not a tensor"),
        (give([1.0] * 7, shape=[7, 32]), "logits"),
        (give([1.0] * 7, shape=[-1, 7, 32]), "not a tensor|logits"),
        (give([1.0] * 7, datatype="INT64"), "INT64"),
        (give([1.0] * 7, name="other"), "not a tensor"),
    ],
)
async def test_an_answer_of_another_shape_raises(
    connect: Connect, double: InferenceDouble, crops: NDArray[np.uint8], change: Change, words: str
) -> None:
    double.changes["v2"] = without_extensions
    classifier = connect(double.url, labels=LABELS)
    await predict(classifier, crops)
    double.changes["infer"] = change
    with pytest.raises(Unreachable, match=words):
        await asyncio.to_thread(classifier.predict, crops[:32])


async def test_a_new_version_is_checked_before_its_scores_are_used(
    connect: Connect, double: InferenceDouble, crops: NDArray[np.uint8], here: NDArray[np.float32]
) -> None:
    classifier = connect(double.url)
    await predict(classifier, crops)

    def replaced(answer: dict[str, Any]) -> None:
        answer["model_version"] = "2"
        (output,) = answer["outputs"]
        if output["datatype"] == "BYTES":
            swap = {"happy": "sad", "sad": "happy"}
            entries = (entry.split(":") for entry in output["data"])
            output["data"] = [f"{v}:{i}:{swap.get(label, label)}" for v, i, label in entries]

    double.changes["infer"] = replaced
    with pytest.raises(InferenceUnavailable, match="replaced") as caught:
        await predict(classifier, crops)
    assert caught.value.retry_after_s == 1
    there = await predict(classifier, crops)
    np.testing.assert_allclose(there[:, [1, 0, 2, 3, 4, 5, 6]], here, atol=1e-5)
    assert classifier.card.version.startswith("2, on triton")


# Unreachable servers


async def test_a_stopped_server_raises_until_it_is_back(
    connect: Connect, wire: FlakyProxy, crops: NDArray[np.uint8], here: NDArray[np.float32]
) -> None:
    classifier = connect(f"http://{wire.address}")
    await predict(classifier, crops)
    wire.stop()
    with pytest.raises(Unreachable, match="does not answer"):
        await predict(classifier, crops)
    with pytest.raises(Unreachable, match="does not answer"):
        await asyncio.to_thread(classifier.check)
    assert classifier.card.name == "emotion (remote)"
    wire.behave()
    np.testing.assert_allclose(await predict(classifier, crops), here, atol=1e-5)


async def test_a_broken_connection_is_reopened(
    connect: Connect, wire: FlakyProxy, crops: NDArray[np.uint8], here: NDArray[np.float32]
) -> None:
    classifier = connect(f"http://{wire.address}")
    await predict(classifier, crops)
    wire.break_once()
    there = await asyncio.to_thread(classifier.predict, crops)
    np.testing.assert_allclose(there, here, atol=1e-5)


async def test_a_silent_server_raises(
    connect: Connect, wire: FlakyProxy, crops: NDArray[np.uint8]
) -> None:
    classifier = connect(f"http://{wire.address}", timeout_s=0.2)
    wire.fall_silent()
    with pytest.raises(Unreachable, match="does not answer"):
        await predict(classifier, crops)
    with pytest.raises(Unreachable, match="has not been reached yet"):
        _ = classifier.card


async def test_a_server_that_keeps_failing_opens_the_circuit(
    connect: Connect, double: InferenceDouble, crops: NDArray[np.uint8]
) -> None:
    breaker = CircuitBreaker("the inference server", failures=3, pause_s=3600)
    classifier = connect(double.url, breaker=breaker)
    await predict(classifier, crops)
    double.status = 500
    faults = []
    for _ in range(10):
        with pytest.raises(Unreachable) as caught:
            await predict(classifier, crops)
        faults.append(caught.value.retry_after_s)
    asked = sum(double.asked.values())
    assert faults[-1] > 3000
    with pytest.raises(Unreachable):
        await asyncio.to_thread(classifier.check)
    assert sum(double.asked.values()) == asked


async def test_a_removed_model_is_not_ready(connect: Connect, double: InferenceDouble) -> None:
    clock = InMemoryClock()
    breaker = CircuitBreaker("the inference server", monotonic=clock.monotonic)
    classifier = connect(double.url, breaker=breaker)
    await asyncio.to_thread(classifier.check)
    await asyncio.to_thread(classifier.check)
    assert double.asked["ready"] == 0, "an answer just now is a sign of life"
    clock.advance(60)
    await asyncio.to_thread(classifier.check)
    assert double.asked["ready"] == 1
    clock.advance(60)
    double.status = 400
    with pytest.raises(Unreachable, match="its model emotion is not ready"):
        await asyncio.to_thread(classifier.check)


# Concurrent callers


async def test_concurrent_callers_share_one_check_of_the_model(
    connect: Connect, double: InferenceDouble, crops: NDArray[np.uint8]
) -> None:
    classifier = connect(double.url)
    await asyncio.gather(*(asyncio.to_thread(classifier.check) for _ in range(4)))
    assert double.asked["emotion"] == 1
    double.status = 500
    with pytest.raises(Unreachable):
        await predict(classifier, crops)
    outcomes = await asyncio.gather(
        *(asyncio.to_thread(classifier.check) for _ in range(4)), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [Unreachable] * 4


async def test_waiting_for_the_server_blocks_no_executor_thread(
    connect: Connect, wire: FlakyProxy, single_thread: WorkExecutor
) -> None:
    classifier = OpenInferenceEmotionClassifier(
        model=connect(f"http://{wire.address}"),
        executor=single_thread,
        connections=2,
    )
    image = Image(np.full((64, 64, 3), 90, np.uint8), 64, 64, "image/png")
    face = FaceDetection(BoundingBox(8, 8, 40, 40), 0.9)
    await classifier.classify(image, [face])
    wire.fall_silent()
    waiting = [asyncio.create_task(classifier.classify(image, [face])) for _ in range(8)]
    await asyncio.sleep(0)
    assert await single_thread.run(lambda: "free") == "free"
    assert not any(task.done() for task in waiting)
    wire.behave()
    for (reading,) in await asyncio.gather(*waiting):
        assert len(reading.scores.values) == len(Emotion)
    await asyncio.to_thread(classifier.close)
