"""The timeline of a session as SVG."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest

from adapters.in_memory import reading_of
from domain.emotion import EMOTION_COLOURS, Emotion, EmotionScores
from domain.face import FaceDetection
from domain.geometry import BoundingBox
from domain.session import SessionSummary, TimelineEntry, TrackSummary
from entrypoints.http.timeline import MAX_ROWS, timeline_svg
from entrypoints.settings import load_settings
from entrypoints.web.files import load_page_files

SVG = "{http://www.w3.org/2000/svg}"


def track(number: int, *emotions: Emotion, first_s: int = 0) -> TrackSummary:
    """A face with one emotion per second."""
    found = FaceDetection(BoundingBox(10, 20, 80, 90), 0.9)
    shares = EmotionScores.from_weights({each: emotions.count(each) for each in Emotion})
    timeline = (TimelineEntry(first_s + s, each, 0.5) for s, each in enumerate(emotions))
    return TrackSummary(
        track_id=f"face_{number}",
        first_seen_s=first_s,
        last_seen_s=first_s + len(emotions),
        frames=10 * len(emotions),
        time_share=shares,
        timeline=tuple(timeline),
        box=found.box,
        confidence=0.9,
        reading=reading_of(shares.dominant, found),
    )


def session(*tracks: TrackSummary, video_source: str | None = "Webcam") -> SessionSummary:
    return SessionSummary(
        session_id="s",
        video_source=video_source,
        started_at=datetime(2026, 5, 4, 12, tzinfo=UTC),
        duration_s=20.4,
        frames_received=200,
        frames_processed=200,
        frames_failed=0,
        frames_dropped=0,
        mean_processing_time_s=0.02,
        width=640,
        height=480,
        tracks=tracks,
    )


def bars(drawn: ElementTree.Element, emotion: Emotion) -> list[ElementTree.Element]:
    """The bars of an emotion, without the square of the legend."""
    found = drawn.iter(f"{SVG}rect")
    return [
        each
        for each in found
        if each.get("fill") == EMOTION_COLOURS[emotion] and each.get("stroke") is None
    ]


def test_each_second_of_a_face_is_a_bar_in_the_colour_of_its_emotion() -> None:
    happy_then_sad = track(1, *[Emotion.HAPPY] * 6, *[Emotion.SAD] * 4)
    drawn = ElementTree.fromstring(timeline_svg(session(happy_then_sad)))
    assert len(bars(drawn, Emotion.HAPPY)) == 6
    assert len(bars(drawn, Emotion.SAD)) == 4
    assert bars(drawn, Emotion.ANGRY) == []
    places = [float(bar.get("x", "")) for bar in bars(drawn, Emotion.SAD)]
    assert min(places) > max(float(bar.get("x", "")) for bar in bars(drawn, Emotion.HAPPY))


def test_emotions_are_also_written_as_words() -> None:
    drawn = timeline_svg(session(track(1, *[Emotion.FEAR] * 9, Emotion.SAD)))
    words = [each.text for each in ElementTree.fromstring(drawn).iter(f"{SVG}text")]
    assert words.count("fear") == 2  # under its bars, and in the legend
    assert "face 1: mostly fear (90% of its time)" in drawn


def test_the_bars_have_a_scale() -> None:
    drawn = timeline_svg(session(track(1, Emotion.HAPPY)))
    words = [each.text for each in ElementTree.fromstring(drawn).iter(f"{SVG}text")]
    assert {"0", "100%"} <= set(words)


def test_the_name_of_a_stream_is_escaped() -> None:
    drawn = timeline_svg(session(video_source="</svg><script>alert(1)</script> & co"))
    root = ElementTree.fromstring(drawn)
    assert not list(root.iter(f"{SVG}script"))
    assert root.findtext(f"{SVG}title", "").startswith("</svg><script>alert(1)</script> & co")
    assert "No face was seen." in drawn


def test_a_crowd_is_limited_to_the_faces_seen_longest() -> None:
    crowd = [track(number, Emotion.HAPPY) for number in range(1, 60)]
    longest = track(60, *[Emotion.SAD] * 5)
    drawn = ElementTree.fromstring(timeline_svg(session(*crowd, longest)))
    assert len(bars(drawn, Emotion.HAPPY)) == MAX_ROWS - 1
    assert len(bars(drawn, Emotion.SAD)) == 5


def test_long_sessions_have_a_readable_axis() -> None:
    long = replace(session(track(1, Emotion.HAPPY)), duration_s=5 * 3600)
    words = [
        each.text or "" for each in ElementTree.fromstring(timeline_svg(long)).iter(f"{SVG}text")
    ]
    clocks = [word for word in words if re.fullmatch(r"[\d:]+", word)]
    assert 3 <= len(clocks) <= 13
    assert "2:00:00" in clocks


def test_drawings_and_the_page_use_the_same_colours() -> None:
    style = load_page_files(load_settings(env_file=None)).others["css/emotions.css"].data.decode()
    page = re.findall(r'data-emotion="(\w+)"\] \{ --emotion: (#\w+)', style)
    assert {Emotion(name): colour for name, colour in page} == EMOTION_COLOURS


def test_a_long_session_is_drawn_in_few_bars_that_keep_what_was_seen() -> None:
    hour = 3600
    faces = [track(n, *[Emotion.HAPPY] * (4 * hour), *[Emotion.SAD] * hour) for n in range(4)]
    drawn = timeline_svg(replace(session(*faces), duration_s=5 * hour))
    picture = ElementTree.fromstring(drawn)
    happy, sad = bars(picture, Emotion.HAPPY), bars(picture, Emotion.SAD)
    assert len(happy) + len(sad) < 4 * 450
    assert 3.9 < len(happy) / len(sad) < 4.1
    assert len(drawn) < 200_000


@pytest.mark.parametrize("bad", ["\x00", "\x1b[31m", "\ufffe", "\udce9", "\x0b", "<&>\x07"])
def test_the_drawing_is_well_formed_with_any_name(bad: str) -> None:
    drawn = timeline_svg(session(track(1, Emotion.HAPPY), video_source=f"Cam {bad}!"))
    title = ElementTree.fromstring(drawn.encode()).find(f"{SVG}title")
    assert title is not None
    assert str(title.text).startswith("Cam ")
