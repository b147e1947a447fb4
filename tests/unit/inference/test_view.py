"""The views for detectors, so that every wanted face is found."""

import math
from dataclasses import replace

import numpy as np
import pytest

from adapters.inference.view import DetectionView, FaceSizes, keep_faces, views_of
from application.ports.face_detector import WantedFaces
from domain.face import FaceDetection
from domain.geometry import BoundingBox
from domain.image import Image

SIZES = FaceSizes(
    smallest=16,
    easy=16,
    largest=200,
    usual_sides=(640, 640),
    session_side=320,
    overview_side=128,
    border=0.25,
)


def blank(width: int, height: int, scale: float = 1) -> Image:
    shape = (math.ceil(height * scale), math.ceil(width * scale), 3)
    return Image(np.zeros(shape, np.uint8), width, height, "image/png", scale=scale)


def views(image: Image, min_size_px: int = 64, **options: object) -> list[DetectionView]:
    fit_within = options.get("fit_within")
    assert fit_within is None or isinstance(fit_within, tuple)
    return list(views_of(image, WantedFaces(min_size_px, fit_within=fit_within), SIZES))


def sees(view: DetectionView, face: BoundingBox) -> bool:
    """Whether a detector finds the face in this view."""
    x, y = face.x * view.ratio_x + view.left, face.y * view.ratio_y + view.top
    width, height = face.width * view.ratio_x, face.height * view.ratio_y
    rows, columns = view.pixels.shape[:2]
    inside = x > -1 and y > -1 and x + width < columns + 1 and y + height < rows + 1
    large_enough = max(width, height) > SIZES.smallest - 1
    return inside and large_enough and view.holds(x, y, width, height)


@pytest.mark.parametrize(
    ("width", "height", "scale"),
    [
        (100, 80, 1),
        (378, 378, 1),
        (640, 480, 1),
        (4000, 3000, 1),
        (6000, 4000, 0.5),
        (8600, 5700, 0.5),
        (40_000, 1000, 0.125),
    ],
)
def test_a_face_of_any_size_and_place_is_seen_in_some_view(
    width: int, height: int, scale: float
) -> None:
    made = views(blank(width, height, scale))
    rng = np.random.default_rng(width)
    shorter = min(width, height)
    for side in np.geomspace(64, max(shorter, 64), 40).astype(int).tolist():
        x = int(rng.integers(0, max(width - side, 0) + 1))
        y = int(rng.integers(0, max(height - side, 0) + 1))
        face = BoundingBox(x, y, min(side, shorter), min(side, shorter))
        assert any(sees(view, face) for view in made), face


@pytest.mark.parametrize("min_size_px", [16, 64, 500])
@pytest.mark.parametrize(
    ("width", "height"), [(700, 500), (8600, 5700), (50_000, 1000), (400_000, 90)]
)
def test_the_work_is_bounded_by_the_pixels_of_the_image(
    width: int, height: int, min_size_px: int
) -> None:
    made = views(blank(width, height, 1 / 4), min_size_px)
    assert sum(view.pixels[:, :, 0].size for view in made) < 1.35 * width * height
    # Networks pad short sides.
    padded = [max(view.pixels.shape[0], 64) * max(view.pixels.shape[1], 64) for view in made]
    assert max(padded) < 1.26e6  # what a network holds at once


def test_with_fit_within_every_view_fits_into_that_size() -> None:
    made = views(blank(1920, 1080), min_size_px=16, fit_within=(320, 240))
    assert made[0].pixels.shape == (180, 320, 3)


def test_views_lead_back_to_the_originals_pixels() -> None:
    face = BoundingBox(4800, 3600, 400, 500)
    for view in views(blank(6000, 4500, 0.5)):
        x, y = face.x * view.ratio_x + view.left, face.y * view.ratio_y + view.top
        found = view.box(x, y, face.width * view.ratio_x, face.height * view.ratio_y)
        assert found.iou(face) > 0.99


def test_a_face_cut_off_by_a_tile_is_taken_from_the_next_tile() -> None:
    first, second, *_ = views(blank(9000, 600), min_size_px=16)
    columns = first.pixels.shape[1]
    assert not first.holds(columns - 50, 100, 50, 60)
    assert first.holds(0, 0, 50, 60)
    assert not second.holds(0, 100, 50, 60)


def test_a_face_that_fills_the_image_gets_a_border() -> None:
    overview = views(blank(300, 300))[-1]
    assert overview.left == overview.top == 32
    assert overview.box(32, 32, 128, 128) == BoundingBox(0, 0, 300, 300)


def test_the_largest_faces_of_a_crowd_are_kept_once_each() -> None:
    places = [(70 * column, 80 * row) for row in range(50) for column in range(60)]
    faces = [
        FaceDetection(BoundingBox(x + shift, y, 64 + number % 3, 64), 0.9 - shift / 100)
        for number, (x, y) in enumerate(places)
        for shift in (0, 2)
    ]
    kept = keep_faces(faces, blank(4300, 4100, 0.125), WantedFaces(64, 0.5))
    assert len(kept) == 500
    assert {face.box.width for face in kept} == {66}
    assert {face.confidence for face in kept} == {0.9}


@pytest.mark.parametrize(
    ("second", "kept"),
    [
        (BoundingBox(172, 80, 40, 40), 1),  # seven tenths of it lie in the first
        (BoundingBox(180, 80, 40, 40), 2),  # half of it
        (BoundingBox(100, 0, 200, 200), 1),  # intersection over union: a third
        (BoundingBox(112, 0, 200, 200), 2),  # 0.28
    ],
)
def test_boxes_that_share_much_are_one_face(second: BoundingBox, kept: int) -> None:
    faces = [FaceDetection(BoundingBox(0, 0, 200, 200), 0.9), FaceDetection(second, 0.8)]
    assert len(keep_faces(faces, blank(400, 400), WantedFaces(20))) == kept


@pytest.mark.parametrize(
    ("longer_side", "expected"), [(300, 384), (700, 384), (1000, 500), (1280, 640), (1900, 640)]
)
def test_a_view_is_as_fine_as_the_smallest_wanted_face_takes(
    longer_side: int, expected: int
) -> None:
    sizes = replace(SIZES, easy=32, usual_sides=(384, 640))
    (view, *_) = views_of(blank(longer_side, longer_side), WantedFaces(64), sizes)
    assert view.pixels.shape[:2] == (expected, expected)
