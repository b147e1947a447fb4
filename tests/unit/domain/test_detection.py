from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.detection import Detection, HistoryFilter, StorageStatus
from domain.emotion import Emotion, EmotionScores
from domain.face import Face, FaceDetection, FaceQuality, FaceReading
from domain.geometry import BoundingBox

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def face(emotion: Emotion) -> Face:
    reading = FaceReading(
        EmotionScores.from_weights({emotion: 1.0}), FaceQuality(0.5, 0.5, 40), reliable=True
    )
    return Face(FaceDetection(BoundingBox(0, 0, 40, 40), 0.9), reading)


def record(
    *emotions: Emotion, timestamp: datetime = NOON, filename: str | None = "party.jpg"
) -> Detection:
    return Detection(
        detection_id=UUID(int=1),
        user_id="alice",
        timestamp=timestamp,
        filename=filename,
        faces=tuple(face(emotion) for emotion in emotions),
        processing_time_s=0.1,
        image_width=640,
        image_height=480,
    )


moments = st.datetimes(
    min_value=datetime(2020, 1, 1),
    max_value=datetime(2030, 1, 1),
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))]),
)
records = st.builds(
    lambda emotions, timestamp, filename: record(*emotions, timestamp=timestamp, filename=filename),
    st.lists(st.sampled_from(Emotion), max_size=3),
    moments,
    st.none() | st.text(max_size=12),
)
filters = st.builds(
    HistoryFilter,
    from_date=st.none() | moments,
    to_date=st.none() | moments,
    keyword=st.none() | st.text(max_size=3) | st.sampled_from([e.value for e in Emotion]),
    emotion=st.none() | st.sampled_from(Emotion),
)


def test_a_record_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        record(timestamp=datetime(2026, 5, 4, 12))


@pytest.mark.parametrize("bound", ["from_date", "to_date"])
def test_a_date_range_without_a_time_zone_is_refused(bound: str) -> None:
    with pytest.raises(ValueError, match="time zone"):
        HistoryFilter(**{bound: datetime(2026, 5, 4, 12)})  # type: ignore[arg-type]


def test_a_new_record_is_pending_and_has_no_image_url() -> None:
    fresh = record(Emotion.SAD)
    assert (fresh.storage, fresh.image_url) == (StorageStatus.PENDING, None)


def test_storing_a_record_changes_its_url_and_state_and_nothing_else() -> None:
    stored = record(Emotion.SAD).stored_at("/images/1")
    assert (stored.storage, stored.image_url) == (StorageStatus.DONE, "/images/1")
    assert stored.faces == record(Emotion.SAD).faces
    failed = record(Emotion.SAD).storing_failed()
    assert (failed.storage, failed.image_url) == (StorageStatus.FAILED, None)


def test_the_emotions_of_a_record_are_the_dominant_ones_of_its_faces() -> None:
    shown = record(Emotion.SAD, Emotion.HAPPY, Emotion.SAD).emotions
    assert shown == {Emotion.SAD, Emotion.HAPPY}
    assert record().emotions == frozenset()


@given(records)
def test_an_empty_filter_matches_every_record(one: Detection) -> None:
    assert HistoryFilter().matches(one)


@given(records, filters)
def test_a_filter_matches_if_all_its_parts_match(one: Detection, wanted: HistoryFilter) -> None:
    parts = [
        HistoryFilter(from_date=wanted.from_date),
        HistoryFilter(to_date=wanted.to_date),
        HistoryFilter(keyword=wanted.keyword),
        HistoryFilter(emotion=wanted.emotion),
    ]
    assert wanted.matches(one) == all(part.matches(one) for part in parts)


@given(records)
def test_date_ranges_include_both_ends(one: Detection) -> None:
    assert HistoryFilter(from_date=one.timestamp, to_date=one.timestamp).matches(one)
    tick = timedelta(microseconds=1)
    assert not HistoryFilter(from_date=one.timestamp + tick).matches(one)
    assert not HistoryFilter(to_date=one.timestamp - tick).matches(one)


def test_dates_are_compared_across_time_zones() -> None:
    same_moment = NOON.astimezone(timezone(timedelta(hours=-8)))
    assert HistoryFilter(from_date=same_moment, to_date=same_moment).matches(record())


@given(records, st.data())
def test_any_part_of_the_file_name_is_a_keyword_in_any_case(
    one: Detection, data: st.DataObject
) -> None:
    name = one.filename or ""
    start = data.draw(st.integers(0, len(name)))
    end = data.draw(st.integers(start, len(name)))
    assert HistoryFilter(keyword=name[start:end]).matches(one)


def test_case_does_not_matter_in_a_file_name() -> None:
    assert HistoryFilter(keyword="PARTY").matches(record())
    assert HistoryFilter(keyword="straße").matches(record(filename="STRASSE.png"))


def test_a_keyword_may_be_the_word_for_an_emotion() -> None:
    shown = record(Emotion.HAPPY, Emotion.FEAR, filename=None)
    assert HistoryFilter(keyword="Fear").matches(shown)
    assert not HistoryFilter(keyword="sad").matches(shown)
    assert not HistoryFilter(keyword="hap").matches(shown)


def test_an_emotion_matches_if_it_is_dominant_in_any_face() -> None:
    shown = record(Emotion.HAPPY, Emotion.FEAR)
    assert HistoryFilter(emotion=Emotion.FEAR).matches(shown)
    assert not HistoryFilter(emotion=Emotion.SAD).matches(shown)
