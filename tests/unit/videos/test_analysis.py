"""Times and ids of the faces of a video."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from adapters.in_memory import fake_image, fake_video
from application.ports.video_reader import VideoFacts
from application.use_cases.analyse_video import VideoSummary
from domain.emotion import Emotion
from domain.video import AnalysedFrame, Sampling, UnreadablePart
from tests.unit.videos.service import FACE, Videos


class _Frames(list[AnalysedFrame]):
    async def opened(self, facts: VideoFacts) -> None: ...

    async def analysed(self, frame: AnalysedFrame) -> None:
        self.append(frame)

    async def unreadable(self, part: UnreadablePart) -> None: ...


async def analysed(
    videos: Videos, path: Path, every_s: float = 0.2, frames: _Frames | None = None
) -> VideoSummary:
    listener = _Frames() if frames is None else frames
    return await videos.analyse().execute(path, Sampling(every_s), listener)


async def test_a_face_counts_from_the_first_frame_that_shows_it(
    videos: Videos, tmp_path: Path
) -> None:
    without, with_face = fake_image(width=640, height=480), fake_image((FACE, Emotion.SAD))
    path = tmp_path / "entering.mp4"
    path.write_bytes(
        fake_video((n / 25, with_face if n / 25 >= 2.44 else without) for n in range(125))
    )
    frames = _Frames()
    (track,) = (await analysed(videos, path, frames=frames)).tracks
    assert track.first_seen_s == pytest.approx(2.6)
    assert [frame.number for frame in frames] == list(range(25))
    assert next(frame.time_s for frame in frames if frame.faces) == pytest.approx(2.6)
    assert frames[-1].faces


async def test_a_box_in_a_single_frame_is_no_face(videos: Videos, tmp_path: Path) -> None:
    without, with_face = fake_image(width=640, height=480), fake_image((FACE, Emotion.SAD))
    path = tmp_path / "false.mp4"
    path.write_bytes(fake_video((n / 5, with_face if n == 7 else without) for n in range(15)))
    assert (await analysed(videos, path)).tracks == ()


async def test_a_frame_that_stays_on_the_screen_counts_for_as_long(
    videos: Videos, tmp_path: Path
) -> None:
    happy, sad = (fake_image((FACE, mood)) for mood in (Emotion.HAPPY, Emotion.SAD))
    path = tmp_path / "screen.mp4"
    path.write_bytes(fake_video([(0, happy), (0.2, happy), (10, sad), (10.2, sad), (10.4, sad)]))
    (track,) = (await analysed(videos, path)).tracks
    assert [entry.second for entry in track.timeline] == list(range(11))
    assert {entry.emotion for entry in track.timeline[:10]} == {Emotion.HAPPY}
    assert track.time_share[Emotion.HAPPY] == pytest.approx(9.8 / 10.4, abs=0.05)
    assert track.frames == 5


async def test_a_face_in_the_last_frame_before_a_pause_stays_as_long_as_the_frame(
    videos: Videos, tmp_path: Path
) -> None:
    here, away = fake_image((FACE, Emotion.HAPPY)), fake_image(width=640, height=480)
    path = tmp_path / "screen.mp4"
    path.write_bytes(fake_video([(0, away), (0.2, away), (0.35, here), (10, away), (10.2, away)]))
    (track,) = (await analysed(videos, path)).tracks
    assert (track.first_seen_s, track.last_seen_s) == pytest.approx((0.35, 9.8))
    assert [entry.second for entry in track.timeline] == list(range(10))


async def test_a_face_that_is_gone_before_a_pause_is_gone(videos: Videos, tmp_path: Path) -> None:
    here, away = fake_image((FACE, Emotion.HAPPY)), fake_image(width=640, height=480)
    path = tmp_path / "screen.mp4"
    path.write_bytes(fake_video([(0, here), (0.2, here), (0.35, away), (10, away), (10.2, away)]))
    (track,) = (await analysed(videos, path)).tracks
    assert track.last_seen_s == pytest.approx(0.2)


async def test_the_last_frame_stays_until_the_video_ends(videos: Videos, tmp_path: Path) -> None:
    path = tmp_path / "screen.mp4"
    path.write_bytes(fake_video([(0, fake_image((FACE, Emotion.HAPPY)))], end_s=5.0))
    (track,) = (await analysed(videos, path)).tracks
    assert (track.first_seen_s, track.last_seen_s) == pytest.approx((0, 4.8))


async def test_a_damaged_stretch_does_not_count(videos: Videos, tmp_path: Path) -> None:
    happy = fake_image((FACE, Emotion.HAPPY))
    frames = [(0.0, happy), (0.2, happy), None, (10.0, happy), (10.2, happy)]
    path = tmp_path / "damaged.mp4"
    path.write_bytes(fake_video(frames))
    (track,) = (await analysed(videos, path)).tracks
    assert [entry.second for entry in track.timeline] == [0, 10]


@pytest.mark.parametrize(("hidden_s", "ids"), [(0.5, 1), (1.0, 1), (2.0, 2), (5.0, 2)])
async def test_a_face_hidden_for_about_a_second_keeps_its_id(
    videos: Videos, tmp_path: Path, hidden_s: float, ids: int
) -> None:
    here, away = fake_image((FACE, Emotion.HAPPY)), fake_image(width=640, height=480)
    path = tmp_path / "hidden.mp4"
    path.write_bytes(
        fake_video((n / 25, away if 2 <= n / 25 < 2 + hidden_s else here) for n in range(250))
    )
    assert len((await analysed(videos, path)).tracks) == ids


async def test_a_face_about_as_large_as_wanted_keeps_its_id(videos: Videos, tmp_path: Path) -> None:
    sides = [60, 60, 66, *[61] * 10, 66, 60, 60, 50, 50]
    path = tmp_path / "small.mp4"
    path.write_bytes(
        fake_video(
            (n / 5, fake_image(((100, 100, side, side), Emotion.HAPPY)))
            for n, side in enumerate(sides)
        )
    )
    (track,) = (await analysed(videos, path)).tracks
    assert (track.first_seen_s, track.last_seen_s) == pytest.approx((0.4, 3.0))
    assert track.frames == 14


async def test_work_that_continues_behind_a_pause_counts_a_cut_once(
    videos: Videos, tmp_path: Path
) -> None:
    here = fake_image((FACE, Emotion.HAPPY))
    path = tmp_path / "screen.mp4"
    path.write_bytes(fake_video([(t, here) for t in (0, 0.3, 0.6, 8.3, 9.3)], cut_at=0.6))
    sampling, whole, rest = Sampling(2.0, from_s=0.25), _Frames(), _Frames()
    await videos.analyse().execute(path, sampling, whole)

    async def done() -> AsyncIterator[Sequence[AnalysedFrame]]:
        yield whole[:2]

    await videos.analyse().execute(path, sampling, rest, done=done())
    assert [frame.time_s for frame in whole] == [0.3, 0.6, 8.3]
    assert [frame.scene for frame in [*whole[:2], *rest]] == [frame.scene for frame in whole]
