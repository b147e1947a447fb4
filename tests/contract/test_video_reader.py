"""The contract of ``VideoReader``, for the fake and the real one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import pytest

from adapters.av.video_reader import AvVideoReader
from adapters.in_memory import InMemoryVideoReader, fake_image, fake_video
from adapters.inference.executor import WorkExecutor
from application.ports.video_reader import VideoFrame, VideoReader
from domain.errors import InvalidVideo, VideoTooLarge
from domain.video import UnreadablePart
from tests import clips

_TENTHS = [number / 10 for number in range(60)]


class Kit(Protocol):
    """A reader, and videos that it can read."""

    @property
    def reader(self) -> VideoReader: ...

    @property
    def small_reader(self) -> VideoReader:
        """For frames of 100 x 100 pixels at most."""
        ...

    def clip(self, path: Path, times: Sequence[float], *, cut_at: float | None = None) -> Path:
        """Write a video of 160 x 96 pixels with a frame at each of these times."""
        ...


class _InMemoryKit:
    reader = InMemoryVideoReader()
    small_reader = InMemoryVideoReader(max_pixels=100 * 100)

    def clip(self, path: Path, times: Sequence[float], *, cut_at: float | None = None) -> Path:
        image = fake_image(width=160, height=96)
        path.write_bytes(fake_video(((time_s, image) for time_s in times), cut_at=cut_at))
        return path


class _AvKit:
    def __init__(self, executor: WorkExecutor) -> None:
        self.reader = AvVideoReader(executor=executor)
        self.small_reader = AvVideoReader(executor=executor, max_pixels=100 * 100)

    def clip(self, path: Path, times: Sequence[float], *, cut_at: float | None = None) -> Path:
        before, after = clips.half_lit(), 255 - clips.half_lit() // 2
        pictures = [
            (time_s, before if cut_at is None or time_s < cut_at else after) for time_s in times
        ]
        return clips.write_clip(path, pictures)


@pytest.fixture(params=["in memory", "PyAV"])
def kit(request: pytest.FixtureRequest, single_thread: WorkExecutor) -> Kit:
    return _InMemoryKit() if request.param == "in memory" else _AvKit(single_thread)


async def read(
    reader: VideoReader, path: Path, *, every_s: float, from_s: float = 0, to_s: float | None = None
) -> list[VideoFrame | UnreadablePart]:
    async with reader.open(path) as video:
        return [item async for item in video.frames(every_s=every_s, from_s=from_s, to_s=to_s)]


async def times(
    reader: VideoReader, path: Path, *, every_s: float, from_s: float = 0, to_s: float | None = None
) -> list[float]:
    items = await read(reader, path, every_s=every_s, from_s=from_s, to_s=to_s)
    return [round(item.time_s, 3) for item in items if isinstance(item, VideoFrame)]


async def test_gives_every_frame_when_all_are_wanted(kit: Kit, tmp_path: Path) -> None:
    clip = kit.clip(tmp_path / "clip.mp4", _TENTHS)
    assert await times(kit.reader, clip, every_s=0.1) == _TENTHS


async def test_gives_the_first_frame_at_or_after_each_wanted_time(kit: Kit, tmp_path: Path) -> None:
    clip = kit.clip(tmp_path / "clip.mp4", _TENTHS)
    assert await times(kit.reader, clip, every_s=0.25) == [
        t for t in _TENTHS if any(0 <= t - n * 0.25 < 0.0999 for n in range(24))
    ]  # fmt: skip


async def test_frames_keep_their_times_at_a_variable_rate(kit: Kit, tmp_path: Path) -> None:
    uneven = [0.0, 0.1, 0.2, 1.7, 1.75, 1.8, 4.0]
    clip = kit.clip(tmp_path / "clip.mp4", uneven)
    assert await times(kit.reader, clip, every_s=0.05) == uneven


async def test_the_last_frame_before_a_pause_is_given(kit: Kit, tmp_path: Path) -> None:
    recording = [number / 30 for number in range(60)] + [10.0, 10.1]
    clip = kit.clip(tmp_path / "clip.mp4", recording)
    assert (await times(kit.reader, clip, every_s=0.2))[-4:] == [1.6, 1.8, 1.967, 10.0]


async def test_the_last_frame_before_a_pause_is_given_when_few_are_wanted(
    kit: Kit, tmp_path: Path
) -> None:
    recording = [number / 30 for number in range(60)] + [10.0, 10.1]
    clip = kit.clip(tmp_path / "clip.mp4", recording)
    assert (await times(kit.reader, clip, every_s=1.9))[-2:] == [1.967, 10.0]


@pytest.mark.parametrize(
    ("from_s", "to_s", "wanted"),
    [(0.5, 1.5, [0.5]), (0.5, 0.55, [0.5]), (1.0, None, [1.0, 2.0, 4.0]), (2.0, 3.0, [2.0])],
)
async def test_a_part_begins_with_what_is_on_the_screen_then(
    kit: Kit, tmp_path: Path, from_s: float, to_s: float | None, wanted: list[float]
) -> None:
    clip = kit.clip(tmp_path / "clip.mp4", [0.0, 2.0, 4.0])
    assert await times(kit.reader, clip, every_s=0.2, from_s=from_s, to_s=to_s) == wanted


async def test_a_part_within_a_pause_begins_with_what_is_on_the_screen(
    kit: Kit, tmp_path: Path
) -> None:
    recording = [n / 20 for n in range(60)] + [9 + n / 20 for n in range(60)]
    clip = kit.clip(tmp_path / "clip.mp4", recording)
    assert await times(kit.reader, clip, every_s=1, from_s=5, to_s=8) == [5.0]


async def test_a_part_is_read_from_its_beginning_to_its_end(kit: Kit, tmp_path: Path) -> None:
    clip = kit.clip(tmp_path / "clip.mp4", _TENTHS)
    assert await times(kit.reader, clip, every_s=1, from_s=2, to_s=4.5) == [2, 3, 4]


async def test_a_part_after_the_end_has_no_frames(kit: Kit, tmp_path: Path) -> None:
    clip = kit.clip(tmp_path / "clip.mp4", _TENTHS)
    assert await times(kit.reader, clip, every_s=1, from_s=60) == []


async def test_the_size_is_that_of_a_player(kit: Kit, tmp_path: Path) -> None:
    clip = kit.clip(tmp_path / "clip.mp4", _TENTHS)
    async with kit.reader.open(clip) as video:
        assert (video.facts.width, video.facts.height) == (160, 96)
    first = (await read(kit.reader, clip, every_s=10))[0]
    assert isinstance(first, VideoFrame)
    assert (first.image.width, first.image.height) == (160, 96)


async def test_a_cut_begins_a_scene(kit: Kit, tmp_path: Path) -> None:
    clip = kit.clip(tmp_path / "clip.mp4", _TENTHS, cut_at=3)
    items = await read(kit.reader, clip, every_s=0.5)
    assert [(f.time_s >= 3) for f in items if isinstance(f, VideoFrame)] == [
        f.scene == 1 for f in items if isinstance(f, VideoFrame)
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"#EXTM3U\nhttp://127.0.0.1:9/x.ts\n",
        b"\xff\xd8\xff",
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    ],
)
async def test_a_file_that_is_not_a_video_is_refused(
    kit: Kit, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    with pytest.raises(InvalidVideo) as refused:
        await read(kit.reader, path, every_s=1)
    assert refused.value.details["reason"] == "unsupported"


async def test_a_file_that_is_not_there_is_an_os_error(kit: Kit, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        await read(kit.reader, tmp_path / "clip.mp4", every_s=1)


async def test_frames_with_too_many_pixels_are_refused(kit: Kit, tmp_path: Path) -> None:
    clip = kit.clip(tmp_path / "clip.mp4", [0.0])
    with pytest.raises(VideoTooLarge):
        await read(kit.small_reader, clip, every_s=1)
