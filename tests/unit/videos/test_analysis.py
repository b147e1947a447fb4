"""Times and ids of the faces of a video."""

from pathlib import Path

import pytest

from adapters.in_memory import fake_image, fake_video
from application.use_cases.analyse_video import AnalyseVideoCommand, VideoSummary
from domain.emotion import Emotion
from domain.video import Sampling
from tests.unit.videos.conftest import FACE, Videos


class _NoOne:
    async def opened(self, *_: object) -> None: ...
    async def analysed(self, *_: object) -> None: ...
    async def damaged(self, *_: object) -> None: ...


async def analysed(videos: Videos, path: Path, every_s: float = 0.2) -> VideoSummary:
    command = AnalyseVideoCommand(path, sampling=Sampling(every_s))
    return await videos.analyse().execute(command, _NoOne())


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
