"""The journal of tracked faces."""

import pytest

from application.tracking.journal import MAX_TIMELINE_ENTRIES, MAX_TRACKS, Journal
from domain.emotion import Emotion, EmotionScores
from domain.face import FaceQuality, FaceReading
from domain.geometry import BoundingBox
from domain.session import TrackedFace
from domain.tracking import FaceTrack


def reading(emotion: Emotion = Emotion.HAPPY) -> FaceReading:
    scores = EmotionScores.from_weights({emotion: 1})
    return FaceReading(scores, FaceQuality(1, 0.5, 80), reliable=True)


SIZE = (640, 480)


def seen(number: int, emotion: Emotion = Emotion.HAPPY) -> TrackedFace:
    return TrackedFace(FaceTrack(number, BoundingBox(0, 0, 80, 80), 0.9), reading(emotion))


def test_the_journal_weighs_readings_by_time_and_not_by_number() -> None:
    journal = Journal(0.1)
    for i in range(100):
        journal.add([seen(1, Emotion.SAD)], i * 0.01, SIZE)
    for i in range(10):
        journal.add([seen(1, Emotion.HAPPY)], 1 + i * 0.1, SIZE)
    (track,) = journal.tracks()
    assert track.time_share[Emotion.HAPPY] == pytest.approx(0.46, abs=0.03)
    assert [(entry.second, entry.emotion) for entry in track.timeline] == [
        (0, Emotion.SAD),
        (1, Emotion.HAPPY),
    ]


def test_at_a_low_rate_the_first_reading_weighs_no_more_than_the_others() -> None:
    journal = Journal(10)
    for i, emotion in enumerate([Emotion.HAPPY] + [Emotion.SAD] * 4):
        journal.add([seen(1, emotion)], i * 10.0, SIZE)
    (track,) = journal.tracks()
    assert track.time_share[Emotion.HAPPY] == pytest.approx(0.2)


def test_the_time_a_face_was_away_is_not_on_its_timeline() -> None:
    journal = Journal(0.1)
    for at_s in (0.0, 0.5, 8.2, 8.9):
        journal.add([seen(1)], at_s, SIZE)
    (track,) = journal.tracks()
    assert [entry.second for entry in track.timeline] == [0, 8]
    assert (track.first_seen_s, track.last_seen_s, track.frames) == (0.0, 8.9, 4)


def test_the_journal_of_an_endless_session_stays_bounded() -> None:
    journal = Journal(0.1)
    for second in range(MAX_TIMELINE_ENTRIES + 100):
        journal.add([seen(1)], float(second), SIZE)
    (track,) = journal.tracks()
    assert len(track.timeline) == MAX_TIMELINE_ENTRIES
    assert track.frames == MAX_TIMELINE_ENTRIES + 100
    assert journal.truncated


def test_the_journal_of_a_crowd_stays_bounded() -> None:
    journal = Journal(0.1)
    for number in range(1, MAX_TRACKS + 50):
        journal.add([seen(number)], number / 10, SIZE)
    assert len(journal.tracks()) == MAX_TRACKS
    assert journal.truncated


def test_the_journal_returns_boxes_in_pixels_of_the_last_frame() -> None:
    journal = Journal(0.1)
    journal.add([seen(1), seen(2)], 0, SIZE)
    journal.add([seen(2)], 0.1, (320, 240))
    first, second = journal.tracks()
    assert first.box == BoundingBox(0, 0, 40, 40)
    assert second.box == BoundingBox(0, 0, 80, 80)
