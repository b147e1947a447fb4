"""Key frames that need what comes before them, and frames that refer to it."""

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from adapters.av.video_reader import AvVideoReader
from adapters.inference.executor import WorkExecutor
from application.ports.video_reader import VideoFrame
from tests import clips

PICTURES = clips.mapped(clips.numbered(116)[::2], lambda time_s: time_s / 2)
"""Ten a second. Only even numbers, because codecs round brightness."""
STRIPES = "intra-refresh=1:keyint=12:bframes=0"
"""After the first key frame none is whole: the picture is renewed stripe by stripe."""
OPEN = {
    "mpeg4": {"bf": "2", "g": "12"},
    "mpeg2video": {"bf": "2", "g": "12"},
    "libx264": {"x264-params": "open-gop=1:keyint=12:bframes=5:b-adapt=0:scenecut=0"},
}
"""Of each encoder: frames right before a key frame come after it in the file and refer to both."""


@pytest.fixture
async def reader() -> AsyncIterator[AvVideoReader]:
    executor = WorkExecutor(1)
    yield AvVideoReader(executor=executor)
    executor.close()


async def numbers_at(
    reader: AvVideoReader, clip: Path, every_s: float, from_s: float = 0.0
) -> list[tuple[float, int]]:
    """The time of each frame, and the number that it shows."""
    found = []
    async with reader.open(clip) as video:
        async for item in video.frames(every_s=every_s, from_s=from_s):
            assert isinstance(item, VideoFrame)
            assert isinstance(item.image.pixels, np.ndarray)
            found.append((round(item.time_s, 2), round(clips.number_of(item.image.pixels) / 2)))
    return found


def wanted(every_s: float, from_s: float) -> list[tuple[float, int]]:
    """What that should be."""
    tenths = range(round(10 * from_s), len(PICTURES), round(10 * every_s))
    return [(number / 10, number) for number in tenths]


@pytest.mark.parametrize(("every_s", "from_s"), [(0.2, 0.0), (1.7, 0.0), (0.1, 2.5), (0.2, 0.1)])
@pytest.mark.parametrize("codec", OPEN)
async def test_frames_of_avi_files_keep_their_times_where_others_are_left_out(
    reader: AvVideoReader, tmp_path: Path, codec: str, every_s: float, from_s: float
) -> None:
    clip = clips.write_clip(
        tmp_path / "clip.avi", PICTURES, codec=codec, options=OPEN[codec] | {"b": "2M"}, ticks=10
    )
    assert await numbers_at(reader, clip, every_s, from_s) == wanted(every_s, from_s)


@pytest.mark.parametrize(("every_s", "from_s"), [(0.2, 0.0), (1.2, 0.0), (0.1, 2.5)])
async def test_no_frame_is_lost_where_the_picture_is_renewed_in_stripes(
    reader: AvVideoReader, tmp_path: Path, every_s: float, from_s: float
) -> None:
    clip = clips.write_clip(tmp_path / "clip.mkv", PICTURES, options={"x264-params": STRIPES})
    assert await numbers_at(reader, clip, every_s, from_s) == wanted(every_s, from_s)


@pytest.mark.parametrize("every_s", [1.7, 3.0])
@pytest.mark.parametrize("container", ["avi", "mkv", "mp4"])
async def test_no_frame_is_lost_where_one_key_frame_among_stripes_is_whole(
    reader: AvVideoReader, tmp_path: Path, container: str, every_s: float
) -> None:
    clip = clips.write_clip(
        tmp_path / f"clip.{container}",
        PICTURES,
        options={"x264-params": STRIPES, "forced-idr": "1"},
        ticks=10,
        whole=[1.2],
    )
    assert await numbers_at(reader, clip, every_s) == wanted(every_s, 0.0)
