"""Crops, on images whose pixels encode their position."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from adapters.inference.crops import CropSpec, cut_crop, frame_of
from adapters.inference.quality import measure_quality
from domain.face import BoxFraming, FaceDetection, FaceLandmarks
from domain.geometry import BoundingBox, Point
from domain.image import Image

WIDTH, HEIGHT = 200, 160
RGB_48 = CropSpec(48, 48, 3)


def map_of_places(width: int = WIDTH, height: int = HEIGHT, scale: float = 1.0) -> Image:
    """Red increases to the right by one level per pixel of the original, green downwards."""
    columns, rows = round(width * scale), round(height * scale)
    pixels = np.zeros((rows, columns, 3), np.uint8)
    pixels[:, :, 0] = (np.arange(columns) + 0.5) / scale
    pixels[:, :, 1] = ((np.arange(rows) + 0.5) / scale)[:, None]
    return Image(pixels, width, height, "image/png", scale)


def place(crop: NDArray[np.uint8], right: float, down: float) -> tuple[float, float]:
    """The position in the original that a position of the crop shows, in shares of the sides."""
    rows, columns = crop.shape[:2]
    level = crop[min(int(down * rows), rows - 1), min(int(right * columns), columns - 1)]
    return float(level[0]), float(level[1])


def face(box: BoundingBox, *, roll: float = 0.0, eyes: float | None = None) -> FaceDetection:
    """A face in a box, its five points turned about the middle of the box."""
    if eyes is None:
        return FaceDetection(box, 0.9)
    centre, unit = box.centre, eyes / 0.3666
    turn = complex(math.cos(roll), math.sin(roll)) * unit

    def at(x: float, y: float) -> Point:
        moved = turn * complex(x - 0.5, y - 0.5)
        return Point(centre.x + moved.real, centre.y + moved.imag)

    return FaceDetection(
        box,
        0.9,
        FaceLandmarks(
            left_eye=at(0.3167, 0.3815),
            right_eye=at(0.6833, 0.3815),
            nose=at(0.5, 0.5975),
            left_mouth=at(0.3504, 0.7467),
            right_mouth=at(0.6496, 0.7467),
        ),
    )


@pytest.mark.parametrize("scale", [1.0, 0.5, 0.25])
def test_a_crop_without_landmarks_shows_its_box(scale: float) -> None:
    crop = cut_crop(map_of_places(scale=scale), face(BoundingBox(40, 50, 60, 60)), RGB_48)
    assert place(crop, 0.5, 0.5) == pytest.approx((70, 80), abs=3)
    assert place(crop, 0.0, 0.0) == pytest.approx((40, 50), abs=4)
    assert place(crop, 1.0, 1.0) == pytest.approx((100, 110), abs=4)


def test_a_narrow_box_is_cut_as_a_square_about_its_middle() -> None:
    crop = cut_crop(map_of_places(), face(BoundingBox(60, 40, 40, 60)), RGB_48)
    assert place(crop, 0.0, 0.5) == pytest.approx((50, 70), abs=3)
    assert place(crop, 1.0, 0.5) == pytest.approx((110, 70), abs=3)


@pytest.mark.parametrize("degrees", [-40, 16, 25, 90])
def test_a_tilted_face_is_turned_upright(degrees: float) -> None:
    tilted = face(BoundingBox(60, 40, 80, 80), roll=math.radians(degrees), eyes=29.3)
    crop = cut_crop(map_of_places(), tilted, RGB_48)
    assert tilted.landmarks is not None
    for point, where in (
        (tilted.landmarks.left_eye, (0.3167, 0.3815)),
        (tilted.landmarks.right_eye, (0.6833, 0.3815)),
        (tilted.landmarks.nose, (0.5, 0.5975)),
        (tilted.landmarks.right_mouth, (0.6496, 0.7467)),
    ):
        assert place(crop, *where) == pytest.approx((point.x, point.y), abs=3)


@pytest.mark.parametrize("degrees", [-14, 0, 10])
def test_a_face_that_is_hardly_tilted_is_cut_along_its_box(degrees: float) -> None:
    box = BoundingBox(60, 40, 80, 80)
    tilted = face(box, roll=math.radians(degrees), eyes=29.3)
    assert frame_of(tilted) == frame_of(face(box))


def test_landmarks_that_contradict_the_box_are_ignored() -> None:
    box = BoundingBox(60, 40, 80, 80)
    for eyes in (3.0, 60.0):
        contradicting = face(box, roll=math.radians(40), eyes=eyes)
        assert frame_of(contradicting) == frame_of(face(box))


def test_what_lies_outside_the_image_repeats_its_edge() -> None:
    white = Image(np.full((50, 50, 3), 255, np.uint8), 50, 50, "image/png")
    crop = cut_crop(white, face(BoundingBox(0, 0, 10, 40), eyes=20.0), RGB_48)
    assert crop.min() == 255


def test_gray_crops_have_one_channel() -> None:
    crop = cut_crop(map_of_places(), face(BoundingBox(40, 50, 60, 60)), CropSpec(32, 24, 1))
    assert crop.shape == (24, 32, 1)
    assert crop.dtype == np.uint8


def test_shrinking_averages_fine_detail_instead_of_picking_pixels() -> None:
    board = (np.indices((400, 400)).sum(axis=0) % 2 * 255).astype(np.uint8)
    image = Image(np.dstack([board] * 3), 400, 400, "image/png")
    crop = cut_crop(image, face(BoundingBox(20, 20, 350, 350)), CropSpec(48, 48, 1))
    assert np.abs(crop.astype(int) - 128).max() < 12


@pytest.mark.parametrize(("width", "height", "channels"), [(0, 48, 1), (48, 0, 1), (48, 48, 2)])
def test_an_impossible_crop_is_refused(width: int, height: int, channels: int) -> None:
    with pytest.raises(ValueError, match="crop"):
        CropSpec(width, height, channels)


boxes = st.builds(
    BoundingBox,
    x=st.integers(0, WIDTH - 1),
    y=st.integers(0, HEIGHT - 1),
    width=st.integers(1, WIDTH),
    height=st.integers(1, HEIGHT),
).map(lambda box: box.clipped_to(WIDTH, HEIGHT))


@given(
    box=boxes,
    points=st.lists(
        st.builds(Point, x=st.floats(-1e5, 1e5), y=st.floats(-1e5, 1e5)), min_size=5, max_size=5
    ),
    spec=st.builds(CropSpec, st.integers(1, 64), st.integers(1, 64), st.sampled_from([1, 3])),
    scale=st.sampled_from([1.0, 0.5, 0.125]),
)
def test_any_face_gives_a_crop_of_the_wanted_shape(
    box: BoundingBox, points: list[Point], spec: CropSpec, scale: float
) -> None:
    image = map_of_places(scale=scale)
    crop = cut_crop(image, FaceDetection(box, 0.5, FaceLandmarks(*points)), spec)
    assert crop.shape == (spec.height, spec.width, spec.channels)
    quality = measure_quality(crop, FaceDetection(box, 0.5))
    assert 0 <= quality.brightness <= 1
    assert quality.sharpness >= 0
    assert quality.size_px == box.longer_side


@given(
    size=st.integers(20, 90),
    x=st.integers(0, WIDTH - 90),
    y=st.integers(0, HEIGHT - 90),
    right=st.floats(0.1, 0.9),
    down=st.floats(0.1, 0.9),
)
def test_every_place_of_a_crop_shows_its_place_of_the_box(
    size: int, x: int, y: int, right: float, down: float
) -> None:
    crop = cut_crop(map_of_places(), face(BoundingBox(x, y, size, size)), RGB_48)
    expected = (x + right * size, y + down * size)
    assert place(crop, right, down) == pytest.approx(expected, abs=3)


def test_blur_lowers_sharpness_and_leaves_brightness() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (48, 48, 1)).astype(np.uint8)
    smooth = np.repeat(np.repeat(noise[::8, ::8], 8, axis=0), 8, axis=1)
    whole = face(BoundingBox(0, 0, 48, 48))
    assert measure_quality(smooth, whole).sharpness < measure_quality(noise, whole).sharpness / 3
    assert measure_quality(noise, whole).brightness == pytest.approx(0.5, abs=0.02)


def test_a_flat_crop_has_no_sharpness() -> None:
    flat = np.full((224, 224, 3), 51, np.uint8)
    quality = measure_quality(flat, face(BoundingBox(0, 0, 30, 40)))
    assert quality.sharpness == 0
    assert quality.brightness == pytest.approx(0.2)
    assert quality.size_px == 40


def test_a_crop_is_framed_as_the_detector_asks() -> None:
    found = face(BoundingBox(40, 50, 60, 60))
    frame = frame_of(found, BoxFraming(side=0.9, drop=0.05))
    assert frame.centre == pytest.approx(70 + 83j)
    assert frame.side == pytest.approx(54)
