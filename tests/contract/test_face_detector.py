"""The contract of face detectors.

YuNet's model file is not part of the repository: its cases run where ``FACE_DETECTOR_MODEL`` names
the file, see ``tests/yunet_file.py``.
"""

import asyncio
import json
import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray

import adapters.onnx.classifier
from adapters.in_memory import InMemoryFaceDetector
from adapters.in_memory.images import Scene, SceneFace
from adapters.inference.executor import WorkExecutor
from adapters.onnx.face_detector import OnnxFaceDetector
from adapters.opencv.haar import HaarFaceDetector
from adapters.opencv.yunet import YuNetFaceDetector
from application.errors import InferenceUnavailable
from application.ports.face_detector import FaceDetector, WantedFaces
from domain.emotion import Emotion
from domain.face import BoxFraming, FaceDetection
from domain.geometry import BoundingBox
from domain.image import Image
from tests.yunet_file import yunet_case, yunet_model

# The face of skimage's astronaut, as people would frame it.
ASTRONAUT = BoundingBox(172, 62, 104, 120)
EMOTION_NETWORK = Path(adapters.onnx.classifier.__file__).parent / "weights" / "emotion.onnx"
FACE_NETWORK = EMOTION_NETWORK.with_name("face.onnx")
DETECTORS = ["in-memory", "bundled", "haar", *yunet_case()]
NETWORKS = ["bundled", *yunet_case()]
FOLLOWERS = ["in-memory", "bundled"]
"""Those that can look at single places."""


@dataclass(frozen=True)
class Subject:
    """A detector and the images it can read."""

    detector: FaceDetector
    draw: Callable[..., Image]

    async def boxes(self, image: Image, min_size_px: int = 40, **options: Any) -> list[BoundingBox]:
        found = await self.detector.detect(image, WantedFaces(min_size_px, **options))
        return [face.box for face in found]


def drawn(width: int, height: int, *faces: BoundingBox) -> Image:
    return Image(
        Scene(width, height, faces=tuple(SceneFace(box, Emotion.HAPPY) for box in faces)),
        width,
        height,
        "image/jpeg",
    )


def photographed(width: int, height: int, *faces: BoundingBox) -> Image:
    """Portraits of the astronaut on grey, with her face in each of the boxes."""
    canvas = np.full((height, width, 3), 128, np.uint8)
    around = np.pad(skimage.data.astronaut(), ((60, 60), (60, 60), (0, 0)), mode="edge")
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


def detector_of(name: str, executor: WorkExecutor) -> FaceDetector:
    if name == "bundled":
        return OnnxFaceDetector(executor=executor)
    if name == "haar":
        return HaarFaceDetector(executor=executor)
    model = yunet_model()
    assert model is not None
    return YuNetFaceDetector(executor=executor, model=model, min_confidence=0.65)


@pytest.fixture(params=DETECTORS)
def subject(request: pytest.FixtureRequest, executor: WorkExecutor) -> Subject:
    return subject_of(request.param, executor)


def subject_of(name: str, executor: WorkExecutor) -> Subject:
    if name == "in-memory":
        return Subject(InMemoryFaceDetector(can_follow=True), drawn)
    return Subject(detector_of(name, executor), photographed)


LARGE, SMALL = BoundingBox(350, 110, 130, 150), BoundingBox(60, 150, 69, 80)


async def test_faces_are_found_largest_first(subject: Subject) -> None:
    large, small = await subject.boxes(subject.draw(640, 480, SMALL, LARGE))
    assert large.iou(LARGE) > 0.5
    assert small.iou(SMALL) > 0.5


async def test_no_face_is_found_in_an_image_without_faces(subject: Subject) -> None:
    assert await subject.boxes(subject.draw(640, 480)) == []


async def test_a_face_below_the_wanted_size_is_left_out(subject: Subject) -> None:
    boxes = await subject.boxes(subject.draw(640, 480, SMALL, LARGE), min_size_px=100)
    assert len(boxes) == 1
    assert boxes[0].iou(LARGE) > 0.5


async def test_a_smaller_face_is_found_where_it_is_wanted_too(subject: Subject) -> None:
    image = subject.draw(640, 480, LARGE)
    (box,) = await subject.boxes(image)
    wanted = box.longer_side + 4
    assert await subject.boxes(image, min_size_px=wanted) == []
    (found,) = await subject.boxes(image, min_size_px=wanted, also_from_px=wanted - 20)
    assert found.iou(LARGE) > 0.5


async def test_a_face_is_as_large_as_its_longer_side(subject: Subject) -> None:
    image = subject.draw(640, 480, LARGE)
    (box,) = await subject.boxes(image)
    narrow = box.shorter_side < 0.95 * box.longer_side  # Haar draws squares
    wanted = box.shorter_side + 1 if narrow else box.shorter_side // 2
    assert len(await subject.boxes(image, min_size_px=wanted)) == 1


async def test_a_face_below_the_wanted_confidence_is_left_out(subject: Subject) -> None:
    image = subject.draw(640, 480, LARGE)
    (face,) = await subject.detector.detect(image, WantedFaces(40))
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


async def test_boxes_are_in_pixels_of_the_original_at_any_detection_size(
    subject: Subject,
) -> None:
    image = subject.draw(1280, 960, BoundingBox(600, 200, 310, 360))
    (box,) = await subject.boxes(image, fit_within=(320, 240))
    assert box.iou(BoundingBox(600, 200, 310, 360)) > 0.5


def expected_at(box: BoundingBox) -> FaceDetection:
    return FaceDetection(box, confidence=0.9)


@pytest.mark.parametrize("name", DETECTORS)
def test_a_detector_says_whether_it_follows_faces(name: str, executor: WorkExecutor) -> None:
    assert subject_of(name, executor).detector.can_follow == (name in FOLLOWERS)


@pytest.fixture(params=FOLLOWERS)
def following(request: pytest.FixtureRequest, executor: WorkExecutor) -> Subject:
    return subject_of(request.param, executor)


async def test_faces_are_followed_to_where_they_are_now(following: Subject) -> None:
    image = following.draw(640, 480, SMALL, LARGE)
    expected = [
        expected_at(replace(SMALL, x=SMALL.x + 20)),
        expected_at(replace(LARGE, x=LARGE.x - 25, y=LARGE.y + 25)),
    ]
    followed = await following.detector.follow(image, expected)
    found = await following.detector.detect(image, WantedFaces(40))
    for face, searched, at in zip(followed, found, (LARGE, SMALL), strict=True):
        assert min(face.box.iou(searched.box), face.box.iou(at)) > 0.6
        assert face.confidence == pytest.approx(0.9)
        assert (face.landmarks is None) == (searched.landmarks is None)


async def test_a_face_that_left_is_not_followed(following: Subject) -> None:
    image = following.draw(640, 480, LARGE)
    (face,) = await following.detector.follow(image, [expected_at(SMALL), expected_at(LARGE)])
    assert face.box.iou(LARGE) > 0.6


async def test_two_expected_faces_are_not_followed_to_the_same_one(following: Subject) -> None:
    beside = [expected_at(replace(LARGE, x=LARGE.x + shift)) for shift in (-25, 25)]
    image = following.draw(640, 480, LARGE)
    assert len(await following.detector.follow(image, beside)) == 1


async def test_a_face_is_followed_over_the_edge(following: Subject) -> None:
    image = following.draw(500, 300, BoundingBox(-20, 60, 130, 150))
    over = [expected_at(BoundingBox(-30, 70, 130, 150))]
    (face,) = await following.detector.follow(image, over)
    assert face.box == face.box.clipped_to(500, 300)


async def test_concurrent_callers_get_the_same_faces(
    subject: Subject,
) -> None:
    images = [subject.draw(640, 480, LARGE), subject.draw(320, 240, SMALL), subject.draw(200, 200)]
    alone = [await subject.detector.detect(image, WantedFaces(40)) for image in images]
    together = await asyncio.gather(
        *(subject.detector.detect(image, WantedFaces(40)) for image in images * 8)
    )
    assert together == alone * 8
    assert [len(found) for found in alone] == [1, 1, 0]


async def test_tiny_images_are_accepted(subject: Subject) -> None:
    for size in ((1, 1), (3, 200), (200, 2), (20, 20)):
        assert await subject.boxes(subject.draw(*size), min_size_px=1) == []


async def test_a_detector_has_a_name_and_a_version(subject: Subject) -> None:
    assert subject.detector.name
    assert subject.detector.version
    assert 0.5 < subject.detector.framing.side < 2


# Only for the real detectors


@pytest.fixture(params=FOLLOWERS[1:])
def follower(request: pytest.FixtureRequest, executor: WorkExecutor) -> FaceDetector:
    return detector_of(request.param, executor)


async def test_a_face_is_followed_at_any_size_and_at_reduced_scale(follower: FaceDetector) -> None:
    for height, factor in ((40, 1), (90, 1), (360, 1), (360, 2), (700, 4)):
        at = BoundingBox(300, 150, round(height / 1.15), height)
        image = photographed(1280, 960, at)
        moved = replace(at, x=at.x + height // 5)
        followed = await follower.follow(reduced(image, factor), [expected_at(moved)])
        assert [face.box.iou(at) > 0.6 for face in followed] == [True], (height, factor)


async def test_an_image_of_noise_shows_no_followed_face(follower: FaceDetector) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (480, 640, 3), np.uint8)
    image = Image(noise, 640, 480, "image/png")
    assert await follower.follow(image, [expected_at(LARGE)]) == []


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
    (face,) = await real.detect(image, WantedFaces(64))
    assert face.box.iou(wanted) > 0.5


async def test_a_face_that_fills_the_image_is_found(real: FaceDetector) -> None:
    pixels = np.ascontiguousarray(skimage.data.astronaut()[40:200, 145:305])
    (face,) = await real.detect(Image(pixels, 160, 160, "image/png"), WantedFaces(64))
    assert face.box.width > 70


@pytest.mark.parametrize("texture", ["brick", "grass", "gravel", "coffee", "text", "page", "coins"])
async def test_no_faces_are_found_in_images_of_objects(real: FaceDetector, texture: str) -> None:
    pixels = getattr(skimage.data, texture)()
    if pixels.ndim == 2:
        pixels = np.dstack([pixels] * 3)
    height, width = pixels.shape[:2]
    assert await real.detect(Image(pixels, width, height, "image/png"), WantedFaces(48)) == []


@pytest.fixture(params=NETWORKS)
def network(request: pytest.FixtureRequest, executor: WorkExecutor) -> FaceDetector:
    return detector_of(request.param, executor)


def faces_of(size: int, at: list[tuple[int, int]]) -> list[BoundingBox]:
    return [BoundingBox(x, y, round(size / 1.15), size) for x, y in at]


@pytest.mark.parametrize(
    ("width", "height", "scale", "faces"),
    [
        pytest.param(378, 378, 1, faces_of(90, [(130, 50)]), id="small picture"),
        pytest.param(100, 120, 1, faces_of(84, [(14, 18)]), id="tiny picture"),
        pytest.param(1200, 900, 1, faces_of(640, [(300, 120)]), id="large face"),
        pytest.param(4000, 3000, 1, faces_of(180, [(1600, 1100)]), id="telephone"),
        pytest.param(
            6000,
            4000,
            0.5,
            faces_of(90, [(50, 60), (3050, 1990), (5880, 3860)]),
            id="24 megapixels",
        ),
        pytest.param(
            6000, 1000, 0.5, faces_of(90, [(2990, 500)]) + faces_of(600, [(3900, 200)]), id="wide"
        ),
    ],
)
async def test_faces_are_found_in_images_of_any_size(
    network: FaceDetector, width: int, height: int, scale: float, faces: list[BoundingBox]
) -> None:
    image = photographed(width, height, *faces)
    if scale < 1:
        image = reduced(image, round(1 / scale))
    found = [face.box for face in await network.detect(image, WantedFaces(64))]
    for face in faces:
        assert any(box.iou(face) > 0.5 for box in found), face
    assert len(found) == len(faces)


@pytest.mark.parametrize("degrees", [-45, -20, 20, 45])
async def test_tilted_heads_are_found(network: FaceDetector, degrees: float) -> None:
    upright, tilted = await turned_astronaut(network, 0), await turned_astronaut(network, degrees)
    assert tilted.box.iou(ASTRONAUT) > 0.5
    turn = tilt_of(tilted) - tilt_of(upright)
    assert turn == pytest.approx(degrees, abs=15 if abs(degrees) < 45 else 40)


async def turned_astronaut(network: FaceDetector, degrees: float) -> FaceDetection:
    """Her face in the photograph turned around it."""
    middle = ASTRONAUT.centre
    turn = cv2.getRotationMatrix2D((middle.x, middle.y), degrees, 1)
    pixels = cv2.warpAffine(
        skimage.data.astronaut(), turn, (512, 300), borderMode=cv2.BORDER_REPLICATE
    )
    (face,) = await network.detect(Image(pixels, 512, 300, "image/png"), WantedFaces(64))
    return face


def tilt_of(face: FaceDetection) -> float:
    """Degrees, by the line between the eyes."""
    assert face.landmarks is not None
    left, right = face.landmarks.left_eye, face.landmarks.right_eye
    return math.degrees(math.atan2(left.y - right.y, right.x - left.x))


@pytest.mark.parametrize("part", [1.0, 0.9, 0.8])
@pytest.mark.parametrize("side", [48, 160, 700])
async def test_a_face_cut_off_by_the_edge_is_found(
    network: FaceDetector, part: float, side: int
) -> None:
    middle, reach = ASTRONAUT.centre, part * ASTRONAUT.height / 2
    rows = slice(round(middle.y - reach), round(middle.y + reach))
    columns = slice(round(middle.x - reach), round(middle.x + reach))
    cut = cv2.resize(skimage.data.astronaut()[rows, columns], (side, side))
    (face,) = await network.detect(Image(cut, side, side, "image/png"), WantedFaces(side // 2))
    assert face.box.width > 0.6 * side


def copied(folder: Path, **changes: object) -> Path:
    """The bundled files in another folder, with other facts."""
    weights = folder / "face.onnx"
    for file in FACE_NETWORK.parent.glob("face*"):
        shutil.copy(file, folder)
    facts = json.loads(FACE_NETWORK.with_suffix(".json").read_text())
    weights.with_suffix(".json").write_text(json.dumps({**facts, **changes}))
    return weights


def test_the_framing_of_boxes_is_read_from_the_json_file(
    executor: WorkExecutor, tmp_path: Path
) -> None:
    weights = copied(tmp_path, framing={"side": 0.93, "drop": 0.02})
    assert OnnxFaceDetector(executor=executor, weights=weights).framing == BoxFraming(0.93, 0.02)


async def test_the_refiner_finds_a_face_that_the_network_alone_doubts(
    executor: WorkExecutor, tmp_path: Path
) -> None:
    weights = copied(tmp_path)
    facts = json.loads(weights.with_suffix(".json").read_text())
    del facts["refiner"]
    weights.with_suffix(".json").write_text(json.dumps(facts))
    blurred = cv2.GaussianBlur(skimage.data.astronaut(), (0, 0), 11)
    image = Image(blurred, 512, 512, "image/png")
    alone = OnnxFaceDetector(executor=executor, weights=weights)
    assert await alone.detect(image, WantedFaces(64)) == []
    (face,) = await OnnxFaceDetector(executor=executor).detect(image, WantedFaces(64))
    assert face.box.iou(ASTRONAUT) > 0.5


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"file_sha256": "0"}, "SHA-256"),
        ({"strides": [8, 16, 64]}, "must answer"),
        ({"threshold": "high"}, "cannot be used"),
        ({"threshold": 0}, "out of range"),
        ({"iou": 1.5}, "out of range"),
        ({"framing": {"side": 9, "drop": 0}}, "a face cannot be framed like this"),
        ({"framing": {}}, "cannot be used"),
        ({"refiner": "lost.onnx"}, r"lost\.onnx is missing"),
    ],
)
def test_unusable_files_of_the_bundled_detector_are_refused(
    executor: WorkExecutor, tmp_path: Path, changes: dict[str, object], fault: str
) -> None:
    with pytest.raises(InferenceUnavailable, match=fault):
        OnnxFaceDetector(executor=executor, weights=copied(tmp_path, **changes))


def test_a_network_that_is_not_a_face_detector_is_refused(executor: WorkExecutor) -> None:
    with pytest.raises(InferenceUnavailable, match=r"lacks (iou|strides|threshold)"):
        OnnxFaceDetector(executor=executor, weights=EMOTION_NETWORK)


@pytest.mark.parametrize(
    "content",
    [None, b"", b"no model at all", EMOTION_NETWORK.read_bytes()],
    ids=["missing", "empty", "text", "another network"],
)
def test_a_file_that_is_not_a_yunet_model_is_refused(
    executor: WorkExecutor, tmp_path: Path, content: bytes | None
) -> None:
    model = tmp_path / "face.onnx"
    if content is not None:
        model.write_bytes(content)
    with pytest.raises(InferenceUnavailable, match=r"face\.onnx"):
        YuNetFaceDetector(executor=executor, model=model, min_confidence=0.65)
