"""Analysing recorded video, with fakes."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from adapters.in_memory import (
    InMemoryEmotionClassifier,
    InMemoryFaceDetector,
    InMemoryTelemetry,
    InMemoryVideoReader,
    fake_image,
    fake_video,
)
from adapters.tracking import KalmanFaceTracker
from application.faces import FaceReader
from application.ports.video_reader import VideoFacts
from application.use_cases.analyse_video import AnalyseVideo, VideoSummary
from domain.emotion import Emotion
from domain.errors import InvalidRequest, InvalidVideo
from domain.video import AnalysedFrame, Sampling, UnreadablePart

LEFT, RIGHT = (20, 40, 120, 150), (420, 60, 110, 140)
TENTHS = [number / 10 for number in range(40)]


@dataclass
class Watching:
    """A listener that keeps all reports."""

    facts: VideoFacts | None = None
    frames: list[AnalysedFrame] = field(default_factory=list)
    unreadable_parts: list[UnreadablePart] = field(default_factory=list)

    async def opened(self, facts: VideoFacts) -> None:
        self.facts = facts

    async def analysed(self, frame: AnalysedFrame) -> None:
        self.frames.append(frame)

    async def unreadable(self, part: UnreadablePart) -> None:
        self.unreadable_parts.append(part)


def video(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def analyse_video() -> AnalyseVideo:
    return AnalyseVideo(
        video_reader=InMemoryVideoReader(),
        face_reader=FaceReader(
            detector=InMemoryFaceDetector(),
            classifier=InMemoryEmotionClassifier(),
            telemetry=InMemoryTelemetry(),
        ),
        new_tracker=KalmanFaceTracker,
        min_face_size_px=64,
        frames_at_once=3,
    )


async def analyse(path: Path, *, every_s: float = 0.1) -> tuple[VideoSummary, Watching]:
    watching = Watching()
    return await analyse_video().execute(path, Sampling(every_s), watching), watching


def ids(frame: AnalysedFrame) -> list[str]:
    return [face.track.track_id for face in frame.faces]


def moods(summary: VideoSummary) -> list[Emotion]:
    return [track.time_share.dominant for track in summary.tracks]


async def test_every_wanted_frame_is_analysed_once_and_in_order(tmp_path: Path) -> None:
    image = fake_image((LEFT, Emotion.HAPPY))
    summary, watching = await analyse(
        video(tmp_path / "clip", fake_video((t, image) for t in TENTHS)), every_s=0.2
    )
    assert [frame.time_s for frame in watching.frames] == TENTHS[::2]
    assert [frame.number for frame in watching.frames] == list(range(20))
    assert summary.frames == 20


async def test_a_face_keeps_its_id_and_has_its_share_of_time(tmp_path: Path) -> None:
    happy, sad = fake_image((LEFT, Emotion.HAPPY)), fake_image((LEFT, Emotion.SAD))
    frames = [(t, happy if t < 3 else sad) for t in TENTHS]
    summary, watching = await analyse(video(tmp_path / "clip", fake_video(frames)))
    assert [ids(frame) for frame in watching.frames] == [["face_1"]] * 40
    (track,) = summary.tracks
    assert track.time_share[Emotion.HAPPY] == pytest.approx(0.75, abs=0.05)
    assert (track.first_seen_s, track.last_seen_s) == (0.0, 3.9)


async def test_a_new_face_is_reported_within_one_sampled_frame(tmp_path: Path) -> None:
    alone = fake_image((LEFT, Emotion.HAPPY))
    both = fake_image((LEFT, Emotion.HAPPY), (RIGHT, Emotion.ANGRY))
    frames = [(t, alone if t < 2 else both) for t in TENTHS]
    summary, _ = await analyse(video(tmp_path / "clip", fake_video(frames)))
    assert summary.tracks[1].first_seen_s == pytest.approx(2.0, abs=0.1001)
    assert moods(summary) == [Emotion.HAPPY, Emotion.ANGRY]


async def test_a_cut_ends_all_tracks_at_once(tmp_path: Path) -> None:
    # Another face in the same place.
    frames = [(t, fake_image((LEFT, Emotion.HAPPY if t < 2 else Emotion.SAD))) for t in TENTHS]
    summary, watching = await analyse(video(tmp_path / "clip", fake_video(frames, cut_at=2)))
    assert [ids(frame) for frame in watching.frames] == [["face_1"]] * 20 + [["face_2"]] * 20
    assert moods(summary) == [Emotion.HAPPY, Emotion.SAD]
    assert summary.tracks[1].first_seen_s == 2.0


async def test_a_face_sampled_every_five_seconds_is_one_face(tmp_path: Path) -> None:
    image = fake_image((LEFT, Emotion.HAPPY))
    frames = [(float(second), image) for second in range(61)]
    summary, _ = await analyse(video(tmp_path / "clip", fake_video(frames)), every_s=5)
    assert [track.frames for track in summary.tracks] == [13]


async def test_a_damaged_part_is_reported_and_the_rest_is_analysed(tmp_path: Path) -> None:
    image = fake_image((LEFT, Emotion.HAPPY))
    frames: list[tuple[float, bytes] | None] = [(0.0, image), (0.1, image), None, (2.0, image)]
    summary, watching = await analyse(video(tmp_path / "clip", fake_video(frames)))
    assert summary.unreadable_parts == (UnreadablePart(0.1, 2.0),)
    assert [frame.time_s for frame in watching.frames] == [0.0, 0.1, 2.0]


async def test_a_video_without_a_face_has_an_empty_summary(tmp_path: Path) -> None:
    summary, watching = await analyse(
        video(tmp_path / "clip", fake_video((t, fake_image()) for t in TENTHS))
    )
    assert summary.tracks == ()
    assert len(watching.frames) == 40


async def test_a_file_that_is_not_a_video_is_refused_before_any_report(tmp_path: Path) -> None:
    with pytest.raises(InvalidVideo):
        await analyse(video(tmp_path / "clip", b"no video"))


@pytest.mark.parametrize(
    ("every_s", "part", "field", "message"),
    [
        (0.0, (0, None), "every_s", "every_s must lie between 1/30 and 3600 seconds"),
        (0.01, (0, None), "every_s", "every_s must lie between 1/30 and 3600 seconds"),
        (1, (-1, None), "from", "from must be 0 or more"),
        (1, (5, 5), "to", "to must be greater than from"),
    ],
)
def test_impossible_sampling_is_refused(
    every_s: float, part: Sequence[float | None], field: str, message: str
) -> None:
    from_s, to_s = part
    assert from_s is not None
    with pytest.raises(InvalidRequest) as refusal:
        Sampling(every_s, from_s, to_s)
    assert (str(refusal.value), refusal.value.details) == (message, {"field": field})


async def test_interrupted_work_continues_with_the_same_result(tmp_path: Path) -> None:
    happy, sad = fake_image((LEFT, Emotion.HAPPY)), fake_image((LEFT, Emotion.SAD))
    both = fake_image((LEFT, Emotion.SAD), (RIGHT, Emotion.ANGRY))
    frames: list[tuple[float, bytes] | None] = [
        (t, happy if t < 1 else sad if t < 3 else both) for t in TENTHS
    ]
    frames.insert(5, None)
    path = video(tmp_path / "clip", fake_video(frames, cut_at=2))
    whole, all_of_it = await analyse(path)
    for stop in (1, 6, 19, 20, 21, 39, 40):  # at the damage, at the cut, at the end

        async def done(stop: int = stop) -> AsyncIterator[Sequence[AnalysedFrame]]:
            yield all_of_it.frames[: stop // 2]
            yield all_of_it.frames[stop // 2 : stop]

        watching = Watching()
        again = await analyse_video().execute(
            path, Sampling(0.1), watching, done=done(), unreadable_before=whole.unreadable_parts
        )
        assert again == whole
        assert watching.frames == all_of_it.frames[stop:]
