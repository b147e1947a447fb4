"""What every face detector does.

YuNet's model file is not part of the repository: its cases are collected where
``FACE_DETECTOR_MODEL`` names the file, see ``conftest.py``.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray

import adapters.onnx.classifier
from adapters.in_memory import InMemoryFaceDetector
from adapters.in_memory.scene import Scene, SceneFace
from adapters.inference.executor import WorkExecutor
from adapters.opencv.haar import HaarFaceDetector
from adapters.opencv.yunet import YuNetFaceDetector
from application.errors import InferenceUnavailable
from application.ports.face_detector import FaceDetector
from domain.emotion import Emotion
from domain.geometry import BoundingBox
from domain.image import Image
from tests.contract.conftest import yunet_model

# The face of skimage's astronaut, as people would frame it.
ASTRONAUT = BoundingBox(172, 62, 104, 120)
EMOTION_NETWORK = Path(adapters.onnx.classifier.__file__).parent / "weights" / "emotion.onnx"
DETECTORS = ["in-memory", "haar", *(["yunet"] if yunet_model() else [])]


@dataclass(frozen=True)
class Subject:
    """A detector and the images it can read."""

    detector: FaceDetector
    draw: Callable[..., Image]

    async def boxes(self, image: Image, min_size_px: int = 40, **options: Any) -> list[BoundingBox]:
        found = await self.detector.detect(image, min_size_px=min_size_px, **options)
        return [face.box for face in found]


def drawn(width: int, height: int, *faces: BoundingBox) -> Image:
    return Image(
        Scene(width, height, faces=tuple(SceneFace(box, Emotion.HAPPY) for box in faces)),
        width,
        height,
        "image/jpeg",
    )


def photographed(width: int, height: int, *faces: BoundingBox) -> Image:
    """Portraits of the astronaut on gray, her face in each of the boxes."""
    canvas = np.full((height, width, 3), 128, np.uint8)
    around = cv2.copyMakeBorder(skimage.data.astronaut(), *[60] * 4, cv2.BORDER_REPLICATE)
    for box in faces:
        scale = box.height / ASTRONAUT.height
        portrait = cv2.resize(around, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        left = round((ASTRONAUT.x + 60 - 40) * scale)
        top = round((ASTRONAUT.y + 60 - 60) * scale)
        across, down = round(190 * scale), round(250 * scale)
        x, y = box.x - round(40 * scale), box.y - round(60 * scale)
        cut = portrait[top + max(-y, 0) : top + down, left + max(-x, 0) : left + across]
        x, y = max(x, 0), max(y, 0)
        cut = cut[: height - y, : width - x]
        canvas[y : y + cut.shape[0], x : x + cut.shape[1]] = cut
    return Image(canvas, width, height, "image/jpeg")


@pytest.fixture
def executor() -> Iterator[WorkExecutor]:
    executor = WorkExecutor(4)
    yield executor
    executor.close()


def detector_of(name: str, executor: WorkExecutor) -> FaceDetector:
    if name == "haar":
        return HaarFaceDetector(executor=executor)
    model = yunet_model()
    assert model is not None
    return YuNetFaceDetector(executor=executor, model=model, score_threshold=0.65)


@pytest.fixture(params=DETECTORS)
def subject(request: pytest.FixtureRequest, executor: WorkExecutor) -> Subject:
    if request.param == "in-memory":
        return Subject(InMemoryFaceDetector(), drawn)
    return Subject(detector_of(request.param, executor), photographed)


LARGE, SMALL = BoundingBox(350, 110, 130, 150), BoundingBox(60, 150, 69, 80)


async def test_faces_are_found_where_they_are_largest_first(subject: Subject) -> None:
    large, small = await subject.boxes(subject.draw(640, 480, SMALL, LARGE))
    assert large.iou(LARGE) > 0.5
    assert small.iou(SMALL) > 0.5


async def test_an_image_without_faces_has_none(subject: Subject) -> None:
    assert await subject.boxes(subject.draw(640, 480)) == []


async def test_a_face_below_the_wanted_size_is_left_out(subject: Subject) -> None:
    boxes = await subject.boxes(subject.draw(640, 480, SMALL, LARGE), min_size_px=100)
    assert len(boxes) == 1
    assert boxes[0].iou(LARGE) > 0.5


async def test_a_face_is_as_large_as_its_longer_side(subject: Subject) -> None:
    image = subject.draw(640, 480, LARGE)
    (box,) = await subject.boxes(image)
    narrow = box.shorter_side < 0.95 * box.longer_side  # Haar draws squares
    wanted = box.shorter_side + 1 if narrow else box.shorter_side // 2
    assert len(await subject.boxes(image, min_size_px=wanted)) == 1


async def test_a_face_below_the_wanted_confidence_is_left_out(subject: Subject) -> None:
    image = subject.draw(640, 480, LARGE)
    (face,) = await subject.detector.detect(image, min_size_px=40)
    assert 0 < face.confidence <= 1
    at = face.confidence
    assert await subject.boxes(image, min_confidence=at) == [face.box]
    assert await subject.boxes(image, min_confidence=min(at + 1e-6, 1.0)) == (
        [] if at < 1 else [face.box]
    )


async def test_boxes_stay_inside_the_image(subject: Subject) -> None:
    image = subject.draw(500, 300, BoundingBox(-20, 60, 130, 150))
    for box in await subject.boxes(image):
        assert box == box.clipped_to(500, 300)


async def test_boxes_are_in_the_originals_pixels_whatever_the_detector_looks_at(
    subject: Subject,
) -> None:
    image = subject.draw(1280, 960, BoundingBox(600, 200, 310, 360))
    (box,) = await subject.boxes(image, fit_within=(320, 240))
    assert box.iou(BoundingBox(600, 200, 310, 360)) > 0.5


async def test_the_same_image_gives_the_same_faces_to_many_callers_at_once(
    subject: Subject,
) -> None:
    images = [subject.draw(640, 480, LARGE), subject.draw(320, 240, SMALL), subject.draw(200, 200)]
    alone = [await subject.detector.detect(image, min_size_px=40) for image in images]
    together = await asyncio.gather(
        *(subject.detector.detect(image, min_size_px=40) for image in images * 8)
    )
    assert together == alone * 8
    assert [len(found) for found in alone] == [1, 1, 0]


async def test_tiny_images_are_no_trouble(subject: Subject) -> None:
    for size in ((1, 1), (3, 200), (200, 2), (20, 20)):
        assert await subject.boxes(subject.draw(*size), min_size_px=1) == []


async def test_a_detector_says_what_it_is(subject: Subject) -> None:
    assert subject.detector.name
    assert subject.detector.version


# What is true of the real ones only


@pytest.fixture(params=DETECTORS[1:])
def real(request: pytest.FixtureRequest, executor: WorkExecutor) -> FaceDetector:
    return detector_of(request.param, executor)


def reduced(image: Image, factor: int) -> Image:
    pixels: NDArray[np.uint8] = np.asarray(image.pixels)[::factor, ::factor]
    return Image(pixels, image.width, image.height, image.media_type, scale=1 / factor)


async def test_an_image_decoded_at_reduced_scale_gives_the_originals_boxes(
    real: FaceDetector,
) -> None:
    wanted = BoundingBox(600, 200, 310, 360)
    image = reduced(photographed(1280, 960, wanted), 2)
    (face,) = await real.detect(image, min_size_px=64)
    assert face.box.iou(wanted) > 0.5


async def test_a_face_that_fills_the_image_is_found(real: FaceDetector) -> None:
    pixels = np.ascontiguousarray(skimage.data.astronaut()[40:200, 145:305])
    (face,) = await real.detect(Image(pixels, 160, 160, "image/png"), min_size_px=64)
    assert face.box.width > 70


@pytest.mark.parametrize("texture", ["brick", "grass", "gravel", "coffee", "text", "page", "coins"])
async def test_pictures_of_things_show_no_faces(real: FaceDetector, texture: str) -> None:
    pixels = getattr(skimage.data, texture)()
    if pixels.ndim == 2:
        pixels = np.dstack([pixels] * 3)
    height, width = pixels.shape[:2]
    assert await real.detect(Image(pixels, width, height, "image/png"), min_size_px=48) == []


@pytest.mark.parametrize(
    "content",
    [None, b"", b"no model at all", EMOTION_NETWORK.read_bytes()],
    ids=["missing", "empty", "text", "another network"],
)
def test_a_file_that_is_no_yunet_model_says_so(
    executor: WorkExecutor, tmp_path: Path, content: bytes | None
) -> None:
    model = tmp_path / "face.onnx"
    if content is not None:
        model.write_bytes(content)
    with pytest.raises(InferenceUnavailable, match=r"face\.onnx"):
        YuNetFaceDetector(executor=executor, model=model, score_threshold=0.65)
