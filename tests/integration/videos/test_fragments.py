"""Fragmented MP4 files with a hole, as those of recorders that write while they record."""

import random
import re
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from adapters.av.fragments import lost_parts
from adapters.av.video_annotator import AvVideoAnnotator
from adapters.av.video_reader import AvVideoReader
from adapters.inference.executor import WorkExecutor
from application.ports.video_reader import VideoFrame
from domain.errors import InvalidVideo
from domain.video import UnreadablePart
from tests import clips

Hole = Callable[[bytes, int, int], bytes]
"""Makes a hole in a file; takes where a fragment begins, and how long its facts are."""


def noise(length: int) -> bytes:
    return random.Random(1).randbytes(length)


HOLES: dict[str, Hole] = {
    "no name": lambda file, at, size: file[:at] + bytes(8) + file[at + 8 :],
    "noise for a name": lambda file, at, size: file[:at] + noise(8) + file[at + 8 :],
    "no facts": lambda file, at, size: file[:at] + bytes(size) + file[at + size :],
    "noise in the facts": lambda file, at, size: (
        file[: at + 40] + noise(size - 40) + file[at + size :]
    ),
    "lost facts": lambda file, at, size: file[:at] + file[at + size :],
    "a lost fragment": lambda file, at, size: file[:at] + file[file.index(b"moof", at + 8) - 4 :],
    "stray bytes": lambda file, at, size: file[:at] + bytes(5) + file[at:],
    "across the border": lambda file, at, size: file[: at - 400] + bytes(500) + file[at + 100 :],
}


def with_long_size(fragment: bytes) -> bytes:
    """Facts whose size has 64 bits. FFmpeg looks for their frames 8 bytes behind where they say."""
    return (1).to_bytes(4, "big") + b"moof" + (len(fragment) + 8).to_bytes(8, "big") + fragment[8:]


def with_number_last(fragment: bytes) -> bytes:
    return fragment[:8] + fragment[24:] + fragment[8:24]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Ten seconds, with a fragment for each."""
    return clips.write_clip(
        tmp_path / "recorded.mp4",
        clips.numbered(100),
        options={"g": "10", "bf": "0", "sc_threshold": "0"},
        container_options={"movflags": "frag_keyframe+empty_moov+default_base_moof"},
    )


def with_hole(clip: Path, hole: Hole) -> Path:
    content = clip.read_bytes()
    at = -1
    for _ in range(6):
        at = content.index(b"moof", at + 1)
    at -= 4
    clip.write_bytes(hole(content, at, int.from_bytes(content[at : at + 4], "big")))
    return clip


@pytest.mark.parametrize("hole", HOLES.values(), ids=HOLES)
async def test_a_hole_is_reported_and_the_rest_is_read(clip: Path, hole: Hole) -> None:
    executor = WorkExecutor(threads=1)
    try:
        async with AvVideoReader(executor=executor).open(with_hole(clip, hole)) as video:
            items = [item async for item in video.frames(every_s=0.1)]
    finally:
        executor.close()
    (part,) = (item for item in items if isinstance(item, UnreadablePart))
    assert part.to_s == pytest.approx(6, abs=0.1)
    assert part.to_s is not None
    assert 3.8 < part.from_s < 5, "a hole across the border takes the fragment before along"
    times = [item.time_s for item in items if isinstance(item, VideoFrame)]
    assert times[-1] == pytest.approx(9.9, abs=0.01)
    assert not any(part.from_s + 0.01 < time_s < part.to_s - 0.01 for time_s in times)


async def test_work_goes_on_behind_a_hole(clip: Path) -> None:
    executor = WorkExecutor(threads=1)
    broken = with_hole(clip, HOLES["no name"])
    try:
        async with AvVideoReader(executor=executor).open(broken) as video:
            items = [item async for item in video.frames(every_s=0.5, from_s=7)]
    finally:
        executor.close()
    times = [item.time_s for item in items if isinstance(item, VideoFrame)]
    assert times == pytest.approx([7, 7.5, 8, 8.5, 9, 9.5])
    assert len(items) == len(times)


async def test_pictures_are_read_to_where_a_file_is_cut_though_their_sound_is_lost(
    single_thread: WorkExecutor, tmp_path: Path
) -> None:
    clip = clips.write_clip_with_sound(
        tmp_path / "recorded.mp4",
        clips.numbered(100),
        container_options={"movflags": "frag_keyframe+empty_moov"},
    )
    video_bytes = len(clips.write_clip(tmp_path / "pictures.mp4", clips.numbered(100)).read_bytes())
    content = clip.read_bytes()
    # A fragment of ten seconds: all pictures, and behind them the sound.
    clip.write_bytes(content[: content.index(b"mdat") + video_bytes // 2])
    async with AvVideoReader(executor=single_thread).open(clip) as video:
        *frames, damage = [item async for item in video.frames(every_s=0.5)]
    last_s = max(item.time_s for item in frames if isinstance(item, VideoFrame))
    assert len(frames) == pytest.approx(last_s / 0.5 + 1, abs=1)
    assert last_s > 3
    assert isinstance(damage, UnreadablePart)
    assert damage.from_s == pytest.approx(last_s, abs=0.5)
    assert damage.to_s is None


async def test_a_copy_has_what_comes_behind_a_hole(clip: Path) -> None:
    copy = clip.with_name("drawn.mp4")
    broken = with_hole(clip, HOLES["no name"])
    await AvVideoAnnotator().annotate(broken, copy, lambda _: [], lambda _: None)
    with av.open(str(copy)) as drawn:
        *_, last = drawn.decode(video=0)
    assert last.time == pytest.approx(9.9, abs=0.01)


def test_nothing_is_lost_of_whole_files(clip: Path, tmp_path: Path) -> None:
    assert lost_parts(clip) == []
    assert lost_parts(clips.write_clip(tmp_path / "plain.mp4", clips.numbered(20))) == []


def with_changed_facts(clip: Path, change: Callable[[bytes], bytes], among: slice) -> Path:
    """Change the facts of some fragments."""
    first, *fragments = re.split(rb"(?s)(?=....moof)", clip.read_bytes())
    sizes = [int.from_bytes(each[:4], "big") for each in fragments[among]]
    fragments[among] = [
        change(each[:size]) + each[size:]
        for each, size in zip(fragments[among], sizes, strict=True)
    ]
    clip.write_bytes(first + b"".join(fragments))
    return clip


@pytest.mark.parametrize("change", [with_long_size, with_number_last])
@pytest.mark.parametrize("among", [slice(None), slice(1, None, 2)], ids=["all", "some"])
async def test_no_form_of_a_whole_fragment_counts_as_lost(
    clip: Path, change: Callable[[bytes], bytes], among: slice
) -> None:
    assert lost_parts(with_changed_facts(clip, change, among)) == []
    executor = WorkExecutor(threads=1)
    try:
        async with AvVideoReader(executor=executor).open(clip) as video:
            items = [item async for item in video.frames(every_s=1)]
    finally:
        executor.close()
    times = [item.time_s for item in items if isinstance(item, VideoFrame)]
    assert times == pytest.approx(range(10))
    assert len(items) == len(times)


@pytest.mark.parametrize("change", [bytes, with_long_size])
def test_a_fragment_behind_a_hole_is_found(clip: Path, change: Callable[[bytes], bytes]) -> None:
    content = with_changed_facts(clip, change, slice(1, None)).read_bytes()
    holes = [each.start() for each in re.finditer(rb"(?s)....moof", content)][2::3]
    for at in holes:
        content = content[:at] + bytes(8) + content[at + 8 :]
    clip.write_bytes(content)
    assert [part.begin for part in lost_parts(clip)] == holes


@pytest.mark.parametrize(
    "hole",
    [b"", bytes(8), (8).to_bytes(4, "big") + bytes(4)],
    ids=["none", "zeros", "a box without a name"],
)
def test_fragments_behind_a_hole_are_counted(clip: Path, hole: bytes) -> None:
    content = clip.read_bytes()
    begin = content.index(b"moof") - 4
    second = content.index(b"moof", begin + 8) - 4
    clip.write_bytes(content[:second] + hole + content[second:])
    clips.with_fragments(clip, 1_000)
    lost_parts(clip)
    with pytest.raises(InvalidVideo, match="fragments"):
        lost_parts(clips.with_fragments(clip, 200_000))


def test_fragments_that_are_not_numbered_one_after_the_other_are_not_missed(clip: Path) -> None:
    content = bytearray(clip.read_bytes())
    at = -1
    while (at := content.find(b"mfhd", at + 1)) >= 0:
        number = int.from_bytes(content[at + 8 : at + 12], "big")
        content[at + 8 : at + 12] = (3 * number).to_bytes(4, "big")
    clip.write_bytes(content)
    assert lost_parts(clip) == []
