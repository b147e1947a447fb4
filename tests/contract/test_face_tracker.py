"""The contract of face trackers, on scenes made of boxes."""

from collections.abc import Callable, Sequence

import pytest

from adapters.in_memory import InMemoryFaceTracker
from adapters.tracking import KalmanFaceTracker
from application.ports.face_tracker import FaceTracker
from domain.face import FaceDetection
from domain.geometry import BoundingBox
from domain.tracking import FaceTrack

FRAME_S = 0.1


@pytest.fixture(params=[InMemoryFaceTracker, KalmanFaceTracker])
def tracker(request: pytest.FixtureRequest) -> FaceTracker:
    make: Callable[[], FaceTracker] = request.param
    return make()


def face(x: float, y: float = 100, side: int = 80) -> FaceDetection:
    return FaceDetection(BoundingBox(round(x), round(y), side, side), confidence=0.9)


def show(
    tracker: FaceTracker, *scenes: Sequence[FaceDetection], start_s: float = 0.0
) -> list[Sequence[FaceTrack]]:
    return [tracker.update(scene, start_s + i * FRAME_S) for i, scene in enumerate(scenes)]


def ids(tracks: Sequence[FaceTrack]) -> list[str]:
    return [track.track_id for track in tracks]


def test_faces_in_the_first_frame_are_reported_at_once(tracker: FaceTracker) -> None:
    tracks = tracker.update([face(300, side=120), face(10)], 0)
    assert ids(tracks) == ["face_1", "face_2"]
    assert not any(track.predicted for track in tracks)
    assert not tracker.wants_detection


def test_a_face_keeps_its_number_while_it_moves(tracker: FaceTracker) -> None:
    shown = show(tracker, *([face(10 + 10 * i)] for i in range(20)))
    assert all(ids(tracks) == ["face_1"] for tracks in shown)
    assert shown[-1][0].box == face(200).box


def test_a_face_keeps_its_number_under_jitter(tracker: FaceTracker) -> None:
    shake = [0, 7, -6, 5, -8, 3, 8, -4, 0, 6]
    shown = show(tracker, *([face(100 + d, 100 - d)] for d in shake))
    assert all(ids(tracks) == ["face_1"] for tracks in shown)


def test_a_new_face_is_reported_from_its_second_detection(tracker: FaceTracker) -> None:
    first, second, third = show(tracker, [face(10)], [face(10), face(300)], [face(10), face(300)])
    assert ids(first) == ["face_1"]
    assert ids(second) == ["face_1"]
    assert sorted(ids(third)) == ["face_1", "face_2"]


def test_a_confirmed_face_says_once_where_it_was_before(tracker: FaceTracker) -> None:
    other = [face(10)]
    shown = show(tracker, other, [*other, face(300)], [*other, face(304)], [*other, face(308)])
    assert [[track.unconfirmed for track in tracks] for tracks in shown] == [
        [None],
        [None],
        [None, face(300)],
        [None, None],
    ]


def test_a_false_box_in_one_frame_never_becomes_a_face(tracker: FaceTracker) -> None:
    scenes = [[face(10)] for _ in range(12)]
    scenes[3] = [face(10), face(400)]
    scenes[7] = [face(10), face(200, 300)]
    shown = show(tracker, *scenes)
    assert all(ids(tracks) == ["face_1"] for tracks in shown)
    late = show(tracker, *[[face(10), face(400)]] * 2, start_s=2)
    assert sorted(ids(late[-1])) == ["face_1", "face_2"], "a false box must not use up a number"


def test_a_face_about_as_large_as_wanted_keeps_its_number(tracker: FaceTracker) -> None:
    sides = [66, 62, 60, 65, *[61] * 30, 63, 66]
    tracks = [
        tracker.update([face(10, side=side)], i * FRAME_S, min_size_px=64)
        for i, side in enumerate(sides)
    ]
    assert all(ids(shown) == ["face_1"] for shown in tracks)


def test_a_face_that_never_was_as_large_as_wanted_is_none(tracker: FaceTracker) -> None:
    tracker.update([face(300)], 0, min_size_px=64)
    for i in range(1, 5):
        shown = tracker.update([face(10, side=60), face(300)], i * FRAME_S, min_size_px=64)
        assert ids(shown) == ["face_1"]
    assert not tracker.wants_detection


def test_a_face_is_left_out_once_larger_ones_are_wanted(tracker: FaceTracker) -> None:
    show(tracker, [face(10, side=80)], [face(10, side=80)])
    for i in range(2, 5):
        shown = tracker.update([face(10, side=80)], i * FRAME_S, min_size_px=90)
    assert shown == []


def test_an_unconfirmed_face_requests_another_detection(tracker: FaceTracker) -> None:
    tracker.update([], 0)
    assert not tracker.wants_detection
    tracker.update([face(10)], 0.1)
    assert tracker.wants_detection
    tracker.update([face(10)], 0.2)
    assert not tracker.wants_detection


def test_a_face_missed_once_is_reported_at_its_predicted_box(tracker: FaceTracker) -> None:
    *_, missed, missed_again, seen = show(
        tracker, [face(10)], [face(10)], [face(10)], [], [], [face(10)]
    )
    assert [(track.track_id, track.predicted) for track in missed] == [("face_1", True)]
    assert missed_again == []
    assert [(track.track_id, track.predicted) for track in seen] == [("face_1", False)]


def test_a_face_seen_only_once_is_not_reported_when_missed(tracker: FaceTracker) -> None:
    _, missed, back = show(tracker, [face(10)], [], [face(10)])
    assert missed == []
    assert ids(back) == ["face_1"]


def test_a_face_hidden_for_a_second_keeps_its_number(tracker: FaceTracker) -> None:
    shown = show(tracker, [face(10)], [face(10)], *[[]] * 12, [face(12)])
    assert ids(shown[-1]) == ["face_1"]


def test_a_face_that_comes_back_much_later_is_a_new_one(tracker: FaceTracker) -> None:
    show(tracker, [face(10)], [face(10)], *[[]] * 25)
    shown = show(tracker, [face(10)], [face(10)], start_s=3)
    assert ids(shown[0]) == []
    assert ids(shown[1]) == ["face_2"]


def test_a_face_missed_before_a_long_pause_is_forgotten(tracker: FaceTracker) -> None:
    show(tracker, [face(10)], [])
    first, second = show(tracker, [face(10)], [face(10)], start_s=10)
    assert ids(first) == []
    assert ids(second) == ["face_2"]


def test_after_a_cut_no_face_in_another_place_takes_over_a_number(tracker: FaceTracker) -> None:
    before = [[face(10), face(150)]] * 5
    after = [[face(400, 300), face(540, 10)]] * 15
    shown = show(tracker, *before, *after)
    assert sorted(ids(shown[4])) == ["face_1", "face_2"]
    assert sorted(ids(shown[7])) == ["face_3", "face_4"]
    assert sorted(ids(shown[-1])) == ["face_3", "face_4"]


def test_predicting_does_not_change_the_tracks(tracker: FaceTracker) -> None:
    show(tracker, [face(10)], [face(10)])
    for i in range(30):
        tracker.follow([], 0.2 + i * FRAME_S)
    (track,) = tracker.update([face(10)], 3.3)
    assert track.track_id == "face_1"


def test_a_box_is_predicted_for_a_fifth_of_a_second(tracker: FaceTracker) -> None:
    show(tracker, [face(10)], [face(10)])
    (track,) = tracker.follow([], 0.3)
    assert track.predicted
    assert tracker.follow([], 0.33) == []
    assert tracker.update([], 0.34) == []
    assert ids(tracker.update([face(10)], 0.5)) == ["face_1"]


def test_a_followed_face_is_at_its_new_place_and_the_others_are_not_missed(
    tracker: FaceTracker,
) -> None:
    show(tracker, [face(10), face(400)], [face(10), face(400)])
    for i in range(2, 6):
        tracks = tracker.follow([face(10 + 5 * i)], i * FRAME_S)
        (moved,) = (track for track in tracks if not track.predicted)
        assert (moved.track_id, moved.box) == ("face_1", face(10 + 5 * i).box)
    assert ids(tracks) == ["face_1"], "the other was not seen for too long to say where it is"
    assert sorted(ids(tracker.update([face(40), face(400)], 0.6))) == ["face_1", "face_2"]


def test_a_face_is_expected_until_it_is_missed_twice(tracker: FaceTracker) -> None:
    assert list(tracker.expected(0)) == []
    show(tracker, [face(10), face(400)], [face(10), face(400)], [face(10), face(700)])
    assert tracker.misses_a_face
    first, second = tracker.expected(0.3)
    assert first.box.iou(face(10).box) > 0.8
    assert second.box.iou(face(400).box) > 0.8
    assert first.confidence == 0.9
    show(tracker, [face(10)], start_s=0.4)
    (expected,) = tracker.expected(0.5)
    assert expected.box.iou(face(10).box) > 0.8
    show(tracker, [face(10)], start_s=3)
    assert not tracker.misses_a_face, "it is forgotten"


def test_following_does_not_keep_a_face_that_searches_miss(tracker: FaceTracker) -> None:
    show(tracker, [face(10)], [face(10)], [])
    assert ids(tracker.follow([face(12)], 0.3)) == ["face_1"]
    assert tracker.update([], 0.4) == []
    assert list(tracker.expected(0.5)) == []


def test_a_hidden_face_does_not_take_the_place_of_a_followed_one(tracker: FaceTracker) -> None:
    show(tracker, [face(100), face(180)], [face(100), face(180)], [face(100)], [face(100)])
    (moved,) = tracker.follow([face(150)], 0.4)
    assert (moved.track_id, moved.box) == ("face_1", face(150).box)


def test_following_begins_no_face_and_forgets_none(tracker: FaceTracker) -> None:
    show(tracker, [face(10)], [face(10), face(300)])
    assert ids(tracker.follow([face(10), face(550)], 0.2)) == ["face_1"]
    assert tracker.wants_detection, "the face at 300 still waits to be confirmed"
    assert sorted(ids(tracker.update([face(10), face(300)], 0.3))) == ["face_1", "face_2"]


def test_a_face_keeps_its_number_at_another_size(tracker: FaceTracker) -> None:
    show(tracker, [face(100), face(400)], [face(100), face(400)])
    tracker.rescale(0.5)
    tracks = tracker.update([face(50, 50, 40), face(200, 50, 40)], 0.2)
    assert {track.track_id: track.box.x for track in tracks} == {"face_1": 50, "face_2": 200}
    assert not any(track.predicted for track in tracks)


def test_after_a_change_of_size_only_detected_faces_are_reported(tracker: FaceTracker) -> None:
    show(tracker, [face(100), face(400)], [face(100), face(400)])
    tracker.rescale(2)
    (track,) = tracker.update([face(200, 200, 160)], 0.2)
    assert (track.track_id, track.predicted) == ("face_1", False)
    (track,) = tracker.follow([], 0.3)
    assert track.track_id == "face_1"
    assert ids(tracker.update([face(200, 200, 160), face(800, 200, 160)], 0.4)) == [
        "face_1", "face_2"
    ]  # fmt: skip


def test_after_a_change_of_size_a_new_face_is_reported_at_once(tracker: FaceTracker) -> None:
    show(tracker, [face(100)], [face(100)])
    tracker.rescale(2)
    assert ids(tracker.update([face(900, 600, 160)], 0.2)) == ["face_2"]
    assert not tracker.wants_detection


def test_after_forget_faces_get_new_numbers(tracker: FaceTracker) -> None:
    show(tracker, [face(100)], [face(100), face(400)])
    tracker.forget()
    assert not tracker.wants_detection
    tracks = tracker.update([face(100), face(400)], 0.2)
    assert ids(tracks) == ["face_2", "face_3"]
    assert not any(track.predicted for track in tracks)


def test_the_largest_face_comes_first_in_a_frame(tracker: FaceTracker) -> None:
    tracks = tracker.update([face(10, side=60), face(200, side=200), face(500, side=100)], 0)
    assert [track.box.width for track in tracks] == [200, 100, 60]


def test_an_empty_stream_has_no_faces(tracker: FaceTracker) -> None:
    assert tracker.update([], 0) == []
    assert tracker.follow([], 0.1) == []
