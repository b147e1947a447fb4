"""Records written as JSON are read back exactly."""

import asyncio
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.records import (
    UnreadableRecord,
    from_json,
    from_record,
    to_json,
    to_record,
)
from domain.detection import Detection, StorageStatus
from domain.emotion import Emotion, EmotionScores
from domain.face import Face, FaceDetection, FaceLandmarks, FaceQuality, FaceReading
from domain.geometry import BoundingBox, Point
from domain.session import SessionSummary, TimelineEntry, TrackSummary
from domain.user import User
from domain.video import Sampling, UnreadablePart, Video, VideoDetails, VideoFault
from tests.samples import NOON, make_detection, make_video

finite = st.floats(allow_nan=False, allow_infinity=False)
shares = st.floats(0, 1)
counts = st.integers(0, 10**6)
text = st.text(st.characters(), max_size=8)
moments = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-9, minutes=-30))]))
points = st.builds(Point, finite, finite)
boxes = st.builds(BoundingBox, counts, counts, st.integers(1, 9999), st.integers(1, 9999))
scores = (
    st.lists(st.floats(0, 1e6), min_size=len(Emotion), max_size=len(Emotion))
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
    summary=st.none() | summaries,
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
def test_a_detection_is_read_back_exactly(detection: Detection) -> None:
    line = to_json(to_record(detection))
    assert "\n" not in line
    read = from_record(Detection, from_json(line))
    assert read == detection
    assert read.timestamp.utcoffset() == detection.timestamp.utcoffset()


@given(users)
def test_a_user_is_read_back(user: User) -> None:
    assert from_record(User, from_json(to_json(to_record(user)))) == user


@given(summaries)
def test_a_summary_is_kept_under_the_name_that_older_records_have(summary: SessionSummary) -> None:
    record = to_record(replace(make_detection(), summary=summary))
    assert record["stream"]["session_id"] == summary.session_id
    assert "summary" not in record


def test_numpy_numbers_are_written_as_json_numbers() -> None:
    number: Any = np.float32(0.5)
    whole: Any = np.int64(640)
    yes: Any = np.True_
    found = FaceDetection(BoundingBox(*np.arange(1, 5)), number, FaceLandmarks(*[Point(1, 2)] * 5))
    values = np.full(len(Emotion), 1 / len(Emotion))
    reading = FaceReading(EmotionScores(tuple(values)), FaceQuality(number, number, 3), yes)
    made = Detection(
        detection_id=make_detection().detection_id,
        user_id="alice",
        timestamp=NOON,
        filename=None,
        faces=(Face(found, reading),),
        processing_time_s=np.float64(1.5),
        image_width=whole,
        image_height=whole,
    )
    assert from_record(Detection, from_json(to_json(to_record(made)))) == made


@pytest.mark.parametrize(
    "damage",
    [
        {"version": 3},
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
def test_a_damaged_record_is_reported_as_unreadable(damage: dict[str, object]) -> None:
    record = to_record(make_detection(Emotion.HAPPY)) | damage
    with pytest.raises(UnreadableRecord):
        from_record(Detection, record)


def test_a_record_in_the_first_form_is_read() -> None:
    reading = {
        "scores": {emotion.value: float(emotion is Emotion.SAD) for emotion in Emotion},
        "quality": {"sharpness": 0.5, "brightness": 0.25, "size_px": 40},
        "reliable": True,
    }
    points = ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")
    face = {
        "box": [1, 2, 30, 40],
        "confidence": 0.75,
        "landmarks": {name: [1.5, number] for number, name in enumerate(points)},
        "reading": reading,
    }
    track = {
        "track_id": "face_1",
        "first_seen_s": 0.0,
        "last_seen_s": 3.5,
        "frames": 4,
        "time_share": reading["scores"],
        "timeline": [[2, "sad", 0.75]],
        "box": [5, 6, 7, 8],
        "confidence": 0.5,
        "reading": reading,
    }
    old = to_record(make_detection()) | {
        "version": 1,
        "faces": [face, face | {"landmarks": None}],
        "stream": {
            "session_id": "s",
            "video_source": None,
            "started_at": NOON.isoformat(),
            "duration_s": 4.0,
            "frames_received": 5,
            "frames_processed": 4,
            "frames_failed": 0,
            "frames_dropped": 1,
            "mean_processing_time_s": 0.1,
            "width": 640,
            "height": 480,
            "tracks": [track],
            "truncated": False,
        },
        "video": {"every_s": 0.2, "damages": [[1.0, None]]},
    }
    detection = from_record(Detection, from_json(to_json(old)))
    first, second = detection.faces
    assert first.detection.box == BoundingBox(1, 2, 30, 40)
    assert first.detection.landmarks is not None
    assert first.detection.landmarks.nose == Point(1.5, 2)
    assert second.detection.landmarks is None
    assert first.reading.scores[Emotion.SAD] == 1
    assert detection.summary is not None
    (seen,) = detection.summary.tracks
    assert (seen.box, seen.time_share.dominant) == (BoundingBox(5, 6, 7, 8), Emotion.SAD)
    assert seen.timeline == (TimelineEntry(2, Emotion.SAD, 0.75),)
    assert detection.video == VideoDetails(0.2, (UnreadablePart(1.0, None),))
    assert from_record(Detection, to_record(detection)) == detection


def test_a_video_in_the_first_form_is_read() -> None:
    video = make_video()
    old = to_record(video) | {
        "version": 1,
        "sampling": [0.5, 2.0, None],
        "damages": [[1.0, 2.0], [5.0, None]],
        "fault": ["internal_error", "it broke"],
    }
    read = from_record(Video, from_json(to_json(old)))
    assert read.video_id == video.video_id
    assert read.sampling == Sampling(0.5, 2.0, None)
    assert read.unreadable_parts == (UnreadablePart(1.0, 2.0), UnreadablePart(5.0, None))
    assert read.fault == VideoFault("internal_error", "it broke")
    assert from_record(Video, to_record(read)) == read


@pytest.mark.parametrize("text", ["", "{", "[]", "null", b"\xff", '{"a": 1}x'])
def test_text_that_is_not_a_json_object_is_reported_as_unreadable(text: str | bytes) -> None:
    with pytest.raises(UnreadableRecord):
        from_json(text)


def test_a_record_without_a_version_is_reported_as_unreadable() -> None:
    with pytest.raises(UnreadableRecord):
        from_record(Detection, {})
    with pytest.raises(UnreadableRecord):
        from_record(User, {"created_at": datetime.now(UTC).isoformat()})


FIRST_READ_BY_THREADS = """
import threading
from adapters.records import from_record, to_record
from domain.detection import Detection
from domain.emotion import Emotion
from tests.samples import make_detection

record = to_record(make_detection(*[Emotion.HAPPY] * 500))
together = threading.Barrier(6)

def read():
    together.wait()
    from_record(Detection, record)

threads = [threading.Thread(target=read) for _ in range(6)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


async def test_threads_may_read_the_first_records_of_a_process_at_once() -> None:
    def run() -> int:
        command = [sys.executable, "-c", FIRST_READ_BY_THREADS]
        root = Path(__file__).parents[3]
        return subprocess.run(command, cwd=root, check=False, timeout=60).returncode

    # It crashed in about half of all processes.
    assert [await asyncio.to_thread(run) for _ in range(6)] == [0] * 6
