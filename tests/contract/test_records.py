"""What is written as JSON is read back exactly."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.records import (
    UnreadableRecord,
    detection_from_record,
    detection_to_record,
    from_json,
    to_json,
    user_from_record,
    user_to_record,
)
from domain.detection import Detection, StorageStatus
from domain.emotion import Emotion, EmotionScores
from domain.face import Face, FaceDetection, FaceLandmarks, FaceQuality, FaceReading
from domain.geometry import BoundingBox, Point
from domain.stream import SessionSummary, TimelineEntry, TrackSummary
from domain.user import User
from tests.contract.samples import NOON, make_detection

finite = st.floats(allow_nan=False, allow_infinity=False)
shares = st.floats(0, 1)
counts = st.integers(0, 10**6)
text = st.text(st.characters(), max_size=8)
moments = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-9, minutes=-30))]))
points = st.builds(Point, finite, finite)
boxes = st.builds(BoundingBox, counts, counts, st.integers(1, 9999), st.integers(1, 9999))
scores = (
    st.lists(st.floats(0, 1e6), min_size=7, max_size=7)
    .filter(any)
    .map(lambda row: EmotionScores.from_weights(dict(zip(Emotion, row, strict=True))))
)
readings = st.builds(
    FaceReading, scores, st.builds(FaceQuality, finite, shares, counts), st.booleans()
)
landmarks = st.builds(FaceLandmarks, points, points, points, points, points)
faces = st.builds(Face, st.builds(FaceDetection, boxes, shares, st.none() | landmarks), readings)
timelines = st.lists(st.builds(TimelineEntry, counts, st.sampled_from(Emotion), shares), max_size=3)
tracks = st.builds(
    TrackSummary,
    track_id=text,
    first_seen_s=finite,
    last_seen_s=finite,
    frames=counts,
    time_share=scores,
    timeline=timelines.map(tuple),
    box=boxes,
    confidence=shares,
    reading=readings,
)
summaries = st.builds(
    SessionSummary,
    session_id=text,
    video_source=st.none() | text,
    started_at=moments,
    duration_s=finite,
    frames_received=counts,
    frames_processed=counts,
    frames_failed=counts,
    frames_dropped=counts,
    mean_processing_time_s=finite,
    width=counts,
    height=counts,
    tracks=st.lists(tracks, max_size=2).map(tuple),
    truncated=st.booleans(),
)
detections = st.builds(
    Detection,
    detection_id=st.uuids(),
    user_id=text,
    timestamp=moments,
    filename=st.none() | text,
    faces=st.lists(faces, max_size=2).map(tuple),
    processing_time_s=finite,
    image_width=counts,
    image_height=counts,
    image_url=st.none() | text,
    storage=st.sampled_from(StorageStatus),
    stream=st.none() | summaries,
)
users = st.builds(
    User,
    user_id=text,
    email=st.none() | text,
    display_name=st.none() | text,
    photo_url=st.none() | text,
    is_email_verified=st.booleans(),
    providers=st.lists(text, max_size=2).map(tuple),
    created_at=moments,
)


@given(detections)
def test_a_detection_is_read_back_to_the_last_digit(detection: Detection) -> None:
    line = to_json(detection_to_record(detection))
    assert "\n" not in line
    read = detection_from_record(from_json(line))
    assert read == detection
    assert read.timestamp.utcoffset() == detection.timestamp.utcoffset()


@given(users)
def test_a_user_is_read_back(user: User) -> None:
    assert user_from_record(from_json(to_json(user_to_record(user)))) == user


def test_numbers_of_numpy_are_written_as_plain_ones() -> None:
    number = np.float32(0.5)
    found = FaceDetection(BoundingBox(*np.arange(1, 5)), number, FaceLandmarks(*[Point(1, 2)] * 5))
    values = np.full(7, 1 / 7)
    reading = FaceReading(EmotionScores(tuple(values)), FaceQuality(number, number, 3), np.True_)
    made = Detection(
        detection_id=make_detection().detection_id,
        user_id="alice",
        timestamp=NOON,
        filename=None,
        faces=(Face(found, reading),),
        processing_time_s=np.float64(1.5),
        image_width=np.int64(640),
        image_height=np.int32(480),
    )
    assert detection_from_record(from_json(to_json(detection_to_record(made)))) == made


@pytest.mark.parametrize(
    "damage",
    [
        {"version": 2},
        {"version": None},
        {"detection_id": "no id"},
        {"timestamp": "2026-05-04T12:00:00"},
        {"timestamp": 5},
        {"faces": [{}]},
        {"faces": None},
        {"storage": "lost"},
        {"stream": {}},
    ],
)
def test_a_damaged_record_is_reported_as_such(damage: dict[str, object]) -> None:
    record = detection_to_record(make_detection(Emotion.HAPPY)) | damage
    with pytest.raises(UnreadableRecord):
        detection_from_record(record)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", b"\xff", '{"a": 1}x'])
def test_what_is_no_json_object_is_reported_as_such(text: str | bytes) -> None:
    with pytest.raises(UnreadableRecord):
        from_json(text)


def test_a_record_without_a_version_is_reported_as_such() -> None:
    with pytest.raises(UnreadableRecord):
        detection_from_record({})
    with pytest.raises(UnreadableRecord):
        user_from_record({"created_at": datetime.now(UTC).isoformat()})
