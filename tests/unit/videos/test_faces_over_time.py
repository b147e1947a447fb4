"""Where the faces of a video are between two analysed frames."""

from dataclasses import replace

import pytest

from application.videos.faces_over_time import FacesOverTime
from domain.geometry import BoundingBox
from domain.session import TrackedFace
from domain.video import AnalysedFrame
from tests.unit.videos.crowds import crowd

(FACE,) = crowd(1)


def at(x: int, side: int = 100) -> TrackedFace:
    return replace(FACE, track=replace(FACE.track, box=BoundingBox(x, 50, side, side)))


def frame(time_s: float, *faces: TrackedFace, scene: int = 0) -> AnalysedFrame:
    return AnalysedFrame(round(10 * time_s), time_s, scene, 640, 480, faces, ())


def boxes(faces: FacesOverTime, time_s: float) -> list[tuple[int, int]]:
    return [(face.track.box.x, face.track.box.width) for face in faces.at(time_s)]


@pytest.mark.parametrize(
    ("time_s", "x"), [(2.0, 100), (2.05, 125), (2.1, 150), (2.15, 175), (2.2, 200)]
)
def test_a_box_moves_steadily_from_frame_to_frame(time_s: float, x: int) -> None:
    faces = FacesOverTime([frame(2.0, at(100)), frame(2.2, at(200, side=120)), frame(2.4, at(0))])
    assert boxes(faces, time_s) == [(x, 100 + (x - 100) // 5)]


def test_before_the_first_frame_there_is_no_face() -> None:
    assert boxes(FacesOverTime([frame(2.0, at(100))]), 1.9) == []


@pytest.mark.parametrize(("time_s", "count"), [(2.2, 1), (2.49, 1), (2.51, 0)])
def test_after_the_last_frame_faces_stay_for_one_and_a_half_steps(
    time_s: float, count: int
) -> None:
    faces = FacesOverTime([frame(2.0, at(100)), frame(2.2, at(100))])
    assert len(boxes(faces, time_s)) == count


def test_a_face_does_not_move_over_a_cut() -> None:
    faces = FacesOverTime([frame(2.0, at(100)), frame(2.2, at(200), scene=1)])
    assert boxes(faces, 2.1) == [(100, 100)]


def test_a_face_does_not_move_while_a_frame_stays_on_the_screen() -> None:
    usual = [frame(step / 5, at(100)) for step in range(4)]
    faces = FacesOverTime([*usual, frame(2.0, at(200))])
    assert boxes(faces, 1.5) == [(100, 100)]
    assert boxes(faces, 2.0) == [(200, 100)]


def test_a_face_that_is_gone_in_the_next_frame_stays_until_then() -> None:
    faces = FacesOverTime([frame(2.0, at(100)), frame(2.2)])
    assert boxes(faces, 2.1) == [(100, 100)]
    assert boxes(faces, 2.2) == []
