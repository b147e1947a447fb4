"""The contract of emotion classifiers, and how the bundled network is loaded."""

import asyncio
import hashlib
import json
import math
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
import pytest
import skimage.data

import adapters.onnx.classifier
from adapters.in_memory import InMemoryEmotionClassifier
from adapters.in_memory.images import Scene, SceneFace
from adapters.inference.batching import BatchingEmotionClassifier
from adapters.inference.crops import CropSpec, cut_crop
from adapters.inference.direct_classifier import DirectEmotionClassifier
from adapters.inference.executor import WorkExecutor
from adapters.inference.model import softmax
from adapters.onnx.classifier import OnnxCropClassifier
from adapters.onnx.network import BUNDLED
from adapters.open_inference import OpenInferenceEmotionClassifier
from adapters.vit.classifier import VitCropClassifier
from application.errors import InferenceUnavailable
from application.ports.emotion_classifier import EmotionClassifier
from domain.emotion import Emotion
from domain.face import FaceDetection
from domain.geometry import BoundingBox
from domain.image import Image
from tests.checkpoints import LABELS, SIDE, write_checkpoint
from tests.servers.open_inference import classifier_at

# A smiling face, and a part of the image without one.
SMILE = FaceDetection(BoundingBox(164, 58, 120, 120), 0.9)
SLEEVE = FaceDetection(BoundingBox(330, 330, 90, 90), 0.9)


@dataclass(frozen=True)
class Subject:
    """A classifier and an image it can read, with a happy face at ``SMILE``."""

    classifier: EmotionClassifier
    image: Image


def photograph() -> Image:
    pixels = skimage.data.astronaut()
    return Image(pixels, 512, 512, "image/png")


def drawing() -> Image:
    scene = Scene(
        512, 512, faces=(SceneFace(SMILE.box, Emotion.HAPPY), SceneFace(SLEEVE.box, Emotion.FEAR))
    )
    return Image(scene, 512, 512, "image/png")


@pytest.fixture(scope="session")
def smiling_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with random weights whose answer to a smile is labelled happy."""
    folder = tmp_path_factory.mktemp("smiling")
    crop = cut_crop(photograph(), SMILE, CropSpec(SIDE, SIDE, 3))[np.newaxis]
    scores = VitCropClassifier(model=str(write_checkpoint(folder / "any"))).predict(crop)
    answer = list(Emotion)[int(scores.argmax())]
    swap = {answer.value: "happy", "happy": answer.value}
    return write_checkpoint(folder / "happy", [swap.get(label, label) for label in LABELS])


@pytest.fixture
def remote(executor: WorkExecutor, triton: str) -> Iterator[EmotionClassifier]:
    """The bundled network on Triton."""
    classifier = OpenInferenceEmotionClassifier(
        model=classifier_at(triton),
        executor=executor,
        connections=4,
    )
    yield classifier
    classifier.close()


@pytest.fixture(params=["in-memory", "onnx", "batching", "vit", "remote"])
def subject(
    request: pytest.FixtureRequest, executor: WorkExecutor, smiling_checkpoint: Path
) -> Subject:
    if request.param == "in-memory":
        return Subject(InMemoryEmotionClassifier(), drawing())
    if request.param == "remote":
        return Subject(request.getfixturevalue("remote"), photograph())
    if request.param == "onnx":
        direct = DirectEmotionClassifier(model=OnnxCropClassifier(), executor=executor)
        return Subject(direct, photograph())
    classifier = BatchingEmotionClassifier(
        model=OnnxCropClassifier()
        if request.param == "batching"
        else VitCropClassifier(model=str(smiling_checkpoint), device="cpu"),
        executor=executor,
    )
    return Subject(classifier, photograph())


async def test_a_smile_is_read_as_happy(subject: Subject) -> None:
    (reading,) = await subject.classifier.classify(subject.image, [SMILE])
    assert reading.scores.dominant is Emotion.HAPPY
    assert reading.reliable


async def test_each_face_gets_its_reading_in_order(subject: Subject) -> None:
    readings = await subject.classifier.classify(subject.image, [SLEEVE, SMILE, SLEEVE])
    alone = [
        (await subject.classifier.classify(subject.image, [face]))[0] for face in (SLEEVE, SMILE)
    ]
    for reading, same in zip(readings, [alone[0], alone[1], alone[0]], strict=True):
        assert reading.scores.values == pytest.approx(same.scores.values, abs=1e-4)
        assert reading.quality == same.quality


async def test_scores_are_probabilities_of_all_seven(subject: Subject) -> None:
    for reading in await subject.classifier.classify(subject.image, [SMILE, SLEEVE]):
        assert len(reading.scores.values) == 7
        assert math.fsum(reading.scores.values) == pytest.approx(1, abs=1e-6)


async def test_no_faces_give_no_readings(subject: Subject) -> None:
    assert list(await subject.classifier.classify(subject.image, [])) == []


async def test_quality_contains_the_size_of_the_face(subject: Subject) -> None:
    (reading,) = await subject.classifier.classify(subject.image, [SMILE])
    assert reading.quality.size_px == 120
    assert 0 <= reading.quality.brightness <= 1
    assert reading.quality.sharpness >= 0


async def test_concurrent_callers_get_the_same_readings_as_alone(subject: Subject) -> None:
    alone = [
        (await subject.classifier.classify(subject.image, [face]))[0] for face in (SMILE, SLEEVE)
    ]
    together = await asyncio.gather(
        *(subject.classifier.classify(subject.image, [face]) for face in [SMILE, SLEEVE] * 20)
    )
    for index, (reading,) in enumerate(together):
        expected = alone[index % 2].scores.values
        assert reading.scores.values == pytest.approx(expected, abs=1e-4)


async def test_a_working_classifier_passes_its_check(subject: Subject) -> None:
    await subject.classifier.check()


async def test_the_card_describes_the_model(subject: Subject) -> None:
    await subject.classifier.check()
    card = subject.classifier.card
    assert card.name
    assert card.version
    assert sorted(card.labels) == sorted(Emotion)
    assert card.input_width > 0
    assert card.input_height > 0


# How the bundled network is loaded

SHIPPED = Path(adapters.onnx.classifier.__file__).parent / "weights"
Weights = Callable[..., Path]


@pytest.fixture
def weights(tmp_path: Path) -> Weights:
    """A copy of the bundled files with some facts changed."""

    def make(content: bytes | None = None, **changed: Any) -> Path:
        path = tmp_path / "emotion.onnx"
        shutil.copy(SHIPPED / "emotion.onnx", path)
        facts = json.loads((SHIPPED / "emotion.json").read_text("utf-8"))
        if content is not None:
            path.write_bytes(content)
            facts["file_sha256"] = hashlib.sha256(content).hexdigest()
        facts |= changed
        facts = {key: value for key, value in facts.items() if value is not None}
        path.with_suffix(".json").write_text(json.dumps(facts), "utf-8")
        return path

    return make


def noise() -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(3).integers(0, 256, (3, 48, 48, 1)).astype(np.uint8)


def test_the_shipped_network_reads_gray_crops_of_48_pixels() -> None:
    classifier = OnnxCropClassifier()
    spec = classifier.crop_spec
    assert (spec.width, spec.height, spec.channels) == (48, 48, 1)
    scores = classifier.predict(noise())
    assert scores.shape == (3, 7)
    assert scores.dtype == np.float32
    assert scores.sum(axis=1) == pytest.approx([1, 1, 1], abs=1e-5)
    assert classifier.card.measured


def test_scores_follow_the_labels_of_the_file(weights: Weights) -> None:
    labels = list(OnnxCropClassifier().card.labels)
    renamed = OnnxCropClassifier(weights=weights(labels=labels[1:] + labels[:1]))
    here = {e: i for i, e in enumerate(Emotion)}
    plain, turned = OnnxCropClassifier().predict(noise()), renamed.predict(noise())
    for old, new in zip(labels, labels[1:] + labels[:1], strict=True):
        assert turned[:, here[Emotion(new)]] == pytest.approx(plain[:, here[Emotion(old)]])


def test_missing_weights_are_named_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(InferenceUnavailable, match=r"emotion\.onnx is missing"):
        OnnxCropClassifier(weights=tmp_path / "emotion.onnx")


def test_weights_without_their_json_file_are_refused(weights: Weights) -> None:
    path = weights()
    path.with_suffix(".json").unlink()
    with pytest.raises(InferenceUnavailable, match=r"emotion\.json is missing"):
        OnnxCropClassifier(weights=path)


@pytest.mark.parametrize("fact", ["name", "version", "labels", "file_sha256"])
def test_incomplete_facts_are_refused(weights: Weights, fact: str) -> None:
    with pytest.raises(InferenceUnavailable, match=fact):
        OnnxCropClassifier(weights=weights(**{fact: None}))


def test_modified_weights_are_refused(weights: Weights) -> None:
    path = weights()
    path.write_bytes(path.read_bytes()[:-1] + b"\x00\x01")
    with pytest.raises(InferenceUnavailable, match="SHA-256"):
        OnnxCropClassifier(weights=path)


def test_a_file_that_is_not_a_network_is_refused(weights: Weights) -> None:
    with pytest.raises(InferenceUnavailable, match="not a usable ONNX network"):
        OnnxCropClassifier(weights=weights(b"not a network"))


def test_a_network_with_other_labels_is_refused(weights: Weights) -> None:
    labels = ["contempt", *list(OnnxCropClassifier().card.labels)[1:]]
    with pytest.raises(InferenceUnavailable, match="contempt"):
        OnnxCropClassifier(weights=weights(labels=labels))


@pytest.mark.parametrize(
    ("text", "fault"),
    [("{", "cannot be read"), ("[]", "not a JSON object"), ("7", "not a JSON object")],
)
def test_facts_that_are_not_a_json_object_are_refused(
    weights: Weights, text: str, fault: str
) -> None:
    path = weights()
    path.with_suffix(".json").write_text(text, "utf-8")
    with pytest.raises(InferenceUnavailable, match=fault):
        OnnxCropClassifier(weights=path)


@pytest.mark.parametrize("labels", [3, "happy", [1, 2]])
def test_labels_that_are_not_words_are_refused(weights: Weights, labels: object) -> None:
    with pytest.raises(InferenceUnavailable, match="labels must be a list of words"):
        OnnxCropClassifier(weights=weights(labels=labels))


def test_the_shipped_network_gives_the_same_scores_on_processors_without_vnni() -> None:
    # Such processors saturate sums of products at 16 bits; with exact sums there is no difference.
    grey = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2GRAY)
    corners = [(top, left) for top in range(0, 400, 50) for left in range(0, 400, 50)]
    crops = [
        cv2.resize(grey[top : top + 112, left : left + 112], (48, 48)) for top, left in corners
    ]
    faces = np.stack(crops)[:, None].astype(np.float32)

    def scores(exact: str) -> np.ndarray:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.add_session_config_entry("session.x64quantprecision", exact)
        network = onnxruntime.InferenceSession(str(BUNDLED / "emotion.onnx"), options)
        return softmax(network.run(None, {"faces": faces})[0])

    assert np.abs(scores("0") - scores("1")).max() < 0.06
