"""Tracking of moving faces."""

import math
import random
from collections.abc import Sequence

import pytest

from adapters.tracking import KalmanFaceTracker
from domain.face import FaceDetection, FaceLandmarks
from domain.geometry import BoundingBox, Point
from domain.tracking import FaceTrack

FRAME_S = 0.1


def face(x: float, y: float = 100, side: float = 80) -> FaceDetection:
    return FaceDetection(BoundingBox(round(x), round(y), round(side), round(side)), 0.9)


def by_id(tracks: Sequence[FaceTrack]) -> dict[str, BoundingBox]:
    return {track.track_id: track.box for track in tracks}


@pytest.mark.parametrize("seed", range(5))
def test_crossing_faces_keep_their_numbers_while_one_hides_the_other(seed: int) -> None:
    shake = random.Random(seed)
    tracker = KalmanFaceTracker()
    for i in range(40):
        right = face(20 + 12 * i + shake.gauss(0, 3), 100 + shake.gauss(0, 3))
        left = face(500 - 12 * i + shake.gauss(0, 3), 110 + shake.gauss(0, 3))
        hidden = right.box.iou(left.box) > 0.25
        tracks = tracker.update([left] if hidden else [right, left], i * FRAME_S)
    boxes = by_id(tracks)
    assert set(boxes) == {"face_1", "face_2"}
    assert boxes["face_1"].x > 450
    assert boxes["face_2"].x < 60


def test_a_face_that_moves_on_while_hidden_is_found_again() -> None:
    tracker = KalmanFaceTracker()
    for i in range(10):
        tracker.update([face(20 + 15 * i)], i * FRAME_S)
    for i in range(10, 16):
        tracker.update([], i * FRAME_S)
    (track,) = tracker.update([face(20 + 15 * 16)], 16 * FRAME_S)
    assert track.track_id == "face_1"


def test_a_face_that_is_covered_bit_by_bit_is_found_again_beyond() -> None:
    tracker = KalmanFaceTracker()
    for i in range(10):
        tracker.update([face(20 + 13 * i, side=100)], i * FRAME_S)
    for i, side in enumerate((85, 70), start=10):
        tracker.update([face(20 + 13 * 10, side=side)], i * FRAME_S)
    for i in range(12, 18):
        tracker.update([], i * FRAME_S)
    (track,) = tracker.update([face(20 + 13 * 18, side=100)], 18 * FRAME_S)
    assert track.track_id == "face_1"


def test_a_fast_small_face_is_followed_without_overlap() -> None:
    tracker = KalmanFaceTracker()
    for i in range(15):
        tracks = tracker.update([face(10 + 34 * i, side=32)], i * FRAME_S)
        assert list(by_id(tracks)) == ["face_1"]


def test_a_head_that_shakes_faster_than_frames_show_keeps_its_number() -> None:
    tracker = KalmanFaceTracker()
    for i in range(40):
        at_s = i * 0.2
        x, y = 60 * math.sin(8 * at_s), 35 * math.sin(13 * at_s)
        tracks = tracker.update([face(300 + x, 200 + y, side=100)], at_s)
        assert list(by_id(tracks)) == ["face_1"]


def test_a_face_that_walks_up_to_the_camera_is_followed() -> None:
    tracker = KalmanFaceTracker()
    for i in range(30):
        side = 40 * 1.06**i
        tracks = tracker.update([face(320 - side / 2, 240 - side / 2, side)], i * FRAME_S)
        assert list(by_id(tracks)) == ["face_1"]


def test_predicted_boxes_follow_the_motion_between_detections() -> None:
    tracker = KalmanFaceTracker()
    for i in range(30):
        true = face(20 + 10 * i)
        if i % 3 == 0:
            tracker.update([true], i * FRAME_S)
            continue
        (track,) = tracker.follow([], i * FRAME_S)
        assert track.predicted
        if i > 9:
            assert track.box.iou(true.box) > 0.8


def test_the_box_of_a_lost_face_slows_down() -> None:
    tracker = KalmanFaceTracker()
    for i in range(10):
        tracker.update([face(20 + 30 * i)], i * FRAME_S)
    (track,) = tracker.follow([], 1.1)
    assert 290 < track.box.x < 290 + 300 * 0.25
    assert track.box.width > 40
    tracker.update([], 1.2)
    (track,) = tracker.update([face(290 + 300 * 0.5)], 1.8)
    assert track.track_id == "face_1"


@pytest.mark.parametrize("neighbour", [105, 180])
@pytest.mark.parametrize("hidden", [0, 8])
@pytest.mark.parametrize("shake", [0, 5])
def test_a_still_face_keeps_its_number_while_others_come_and_go(
    neighbour: int, hidden: int, shake: int
) -> None:
    tracker = KalmanFaceTracker()
    tracker.update([face(0, side=100), face(neighbour, side=100)], 0)
    for i in range(hidden):
        tracker.update([face(0, side=100)], (i + 1) * FRAME_S)
    still, other = face(shake, side=100), face(-60, side=100)
    boxes = by_id(tracker.update([still, other], (hidden + 1) * FRAME_S))
    assert boxes["face_1"] == still.box


@pytest.mark.parametrize("step", [30, 60, 75])
def test_two_faces_keep_their_numbers_when_the_camera_turns(step: int) -> None:
    tracker = KalmanFaceTracker()
    for x in (0, step):
        at_s = FRAME_S if x else 0
        boxes = by_id(tracker.update([face(x, side=100), face(x + 130, side=100)], at_s))
    assert [boxes["face_1"].x, boxes["face_2"].x] == [step, step + 130]


def test_missed_detections_do_not_renumber_a_crowd() -> None:
    chance = random.Random(7)
    tracker = KalmanFaceTracker()
    places = [(x, y) for x in (20, 200, 380, 540) for y in (30, 250)]
    seen: set[str] = set()
    for i in range(100):
        found = [
            face(x + chance.gauss(0, 3), y + chance.gauss(0, 3))
            for x, y in places
            if i < 2 or chance.random() > 0.2
        ]
        seen.update(by_id(tracker.update(found, i * FRAME_S)))
    assert len(seen) == len(places)


def test_faces_are_followed_through_uneven_frames() -> None:
    chance = random.Random(3)
    tracker = KalmanFaceTracker()
    at_s = 0.0
    for _ in range(60):
        at_s += chance.choice([0.0, 0.02, 0.1, 0.3])
        tracks = tracker.update([face(20 + 60 * at_s)], at_s)
        assert list(by_id(tracks)) == ["face_1"]


def test_landmarks_move_with_a_predicted_box() -> None:
    def seen(x: int) -> FaceDetection:
        eyes = FaceLandmarks(*(Point(x + 10 * i, 50) for i in range(5)))
        return FaceDetection(BoundingBox(x, 10, 80, 80), 0.9, eyes)

    tracker = KalmanFaceTracker()
    for i in range(10):
        (track,) = tracker.update([seen(10 + 10 * i)], i * FRAME_S)
        assert track.landmarks == seen(10 + 10 * i).landmarks
    (track,) = tracker.follow([], 10 * FRAME_S)
    assert track.predicted
    assert track.landmarks is not None
    assert track.landmarks.left_eye.x == pytest.approx(110, abs=5)
    assert track.landmarks.right_mouth.x == pytest.approx(150, abs=5)


def test_a_moving_face_is_followed_through_a_change_of_size() -> None:
    tracker = KalmanFaceTracker()
    for i in range(20):
        factor = 2.5 if i >= 10 else 1
        if i == 10:
            tracker.rescale(2.5)
        true = face((20 + 15 * i) * factor, 100 * factor, 80 * factor)
        if i in {12, 14}:
            (track,) = tracker.follow([], i * FRAME_S)
            assert track.box.iou(true.box) > 0.85
        else:
            (track,) = tracker.update([true], i * FRAME_S)
        assert track.track_id == "face_1"


def test_at_most_64_faces_are_followed() -> None:
    tracker = KalmanFaceTracker()
    many = [face(30 * (i % 40), 30 * (i // 40), 20) for i in range(1000)]
    for i in range(3):
        assert len(tracker.update(many, i * FRAME_S)) == 64
