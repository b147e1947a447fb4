"""Video files as cameras, phones and editors write them, and damaged ones."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import Colorspace

from adapters.av.video_annotator import AvVideoAnnotator
from adapters.av.video_reader import AvVideoReader
from adapters.inference.executor import WorkExecutor
from application.ports.video_reader import VideoFrame
from domain.errors import InvalidVideo
from domain.video import UnreadablePart
from tests import clips


@pytest.fixture
def reader(single_thread: WorkExecutor) -> AvVideoReader:
    return AvVideoReader(executor=single_thread)


async def read(
    reader: AvVideoReader,
    path: Path,
    every_s: float,
    *,
    from_s: float = 0.0,
    to_s: float | None = None,
) -> list[VideoFrame | UnreadablePart]:
    async with reader.open(path) as video:
        return [item async for item in video.frames(every_s=every_s, from_s=from_s, to_s=to_s)]


def shown(items: Sequence[VideoFrame | UnreadablePart]) -> list[int]:
    numbers = []
    for item in items:
        if isinstance(item, VideoFrame):
            assert isinstance(item.image.pixels, np.ndarray)
            numbers.append(clips.number_of(item.image.pixels))
    return numbers


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format"),
    [
        ("clip.mp4", "libx264", "yuv420p"),
        ("clip.mov", "libx264", "yuv420p"),
        ("clip.mkv", "libx264", "yuv420p"),
        ("clip.webm", "libvpx-vp9", "yuv420p"),
        ("clip.avi", "mpeg4", "yuv420p"),
        ("ten bits.mp4", "libx264", "yuv420p10le"),
        ("says another thing.jpg", "libx264", "yuv420p"),
    ],
)
async def test_formats_are_recognised_by_content(
    reader: AvVideoReader, tmp_path: Path, name: str, codec: str, pixel_format: str
) -> None:
    container = "mp4" if name.endswith(".jpg") else None
    clip = clips.write_clip(
        tmp_path / name,
        clips.numbered(30),
        codec=codec,
        pixel_format=pixel_format,
        format=container,
    )
    numbers = shown(await read(reader, clip, 0.1))
    assert np.abs(np.array(numbers) - np.arange(30)).max() <= 4  # codecs round gray levels


@pytest.mark.parametrize(("codec", "b_frames"), [("mpeg4", 0), ("mpeg4", 2), ("libx264", 3)])
async def test_reordered_frames_of_avi_files_have_their_times(
    reader: AvVideoReader, tmp_path: Path, codec: str, b_frames: int
) -> None:
    brighter = [(time_s, 4 * (picture - 20) + 20) for time_s, picture in clips.numbered(28)]
    clip = clips.write_clip(
        tmp_path / "clip.avi", brighter, codec=codec, options={"bf": str(b_frames)}, ticks=10
    )
    frames = [item for item in await read(reader, clip, 0.1) if isinstance(item, VideoFrame)]
    assert [round(frame.time_s, 3) for frame in frames] == [n / 10 for n in range(28)]
    errors = np.abs(np.array(shown(frames)) / 4 - np.arange(28))  # codecs round grey levels
    assert errors.mean() < 0.4


@pytest.mark.parametrize(("name", "ticks"), [("clip.avi", 10), ("clip.mkv", 1000)])
async def test_a_part_ends_with_the_frame_at_its_end(
    reader: AvVideoReader, tmp_path: Path, name: str, ticks: int
) -> None:
    clip = clips.write_clip(tmp_path / name, clips.numbered(30), ticks=ticks)
    items = await read(reader, clip, 0.1, from_s=1.5, to_s=2.2)
    times = [round(item.time_s, 3) for item in items if isinstance(item, VideoFrame)]
    assert times == [1.5, 1.6, 1.7, 1.8, 1.9, 2.0, 2.1, 2.2]


async def test_a_truncated_avi_file_is_damaged_from_its_last_frame_on(
    reader: AvVideoReader, tmp_path: Path
) -> None:
    clip = clips.write_clip(
        tmp_path / "clip.avi",
        clips.numbered(30),
        codec="mjpeg",
        pixel_format="yuvj420p",
        ticks=10,
    )
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    *frames, damage = await read(reader, clip, 0.1)
    assert isinstance(frames[-1], VideoFrame)
    assert damage == UnreadablePart(frames[-1].time_s, None)


async def test_frames_of_an_avi_file_keep_their_times_after_lost_bytes(
    reader: AvVideoReader, tmp_path: Path
) -> None:
    clip = clips.write_clip(
        tmp_path / "clip.avi",
        clips.numbered(60),
        codec="mpeg4",
        options={"g": "1"},
        ticks=10,
    )
    data = bytearray(clip.read_bytes())
    third = len(data) // 3
    data[third : third + third // 2] = b"\x55" * (third // 2)
    clip.write_bytes(data)
    items = await read(reader, clip, 0.1)
    frames = [item for item in items if isinstance(item, VideoFrame)]
    expected = [10 * frame.time_s for frame in frames]
    assert shown(items) == pytest.approx(expected, abs=2.5)  # brightness is not exact
    (lost,) = (item for item in items if isinstance(item, UnreadablePart))
    assert lost.to_s is not None
    assert 0.5 < lost.to_s - lost.from_s < 3


@pytest.mark.parametrize(("width", "height"), [(2160, 3840), (3840, 2160), (4096, 2160)])
async def test_frames_of_4k_are_read_in_every_shape(
    reader: AvVideoReader, tmp_path: Path, width: int, height: int
) -> None:
    picture = np.full((height, width, 3), 128, np.uint8)
    clip = clips.write_clip(
        tmp_path / "clip.mp4", [(0.0, picture)], options={"preset": "ultrafast"}
    )
    (frame,) = await read(reader, clip, 1)
    assert isinstance(frame, VideoFrame)
    assert (frame.image.width, frame.image.height) == (width, height)


@pytest.mark.parametrize(
    ("name", "pixel_aspect", "size"),
    [
        ("clip.mp4", Fraction(4, 3), (213, 96)),
        ("clip.mkv", Fraction(1, 2), (160, 192)),
        ("clip.mkv", Fraction(50), (160, 96)),  # a wrong header
    ],
)
async def test_pixels_become_square_by_growing(
    reader: AvVideoReader, tmp_path: Path, name: str, pixel_aspect: Fraction, size: tuple[int, int]
) -> None:
    """The pixels of a page's ``<video>`` are those of ``videoWidth`` and ``videoHeight``."""
    clip = clips.write_clip(tmp_path / name, clips.numbered(2), pixel_aspect=pixel_aspect)
    frame = (await read(reader, clip, 1))[0]
    assert isinstance(frame, VideoFrame)
    assert (frame.image.width, frame.image.height) == size
    copy = tmp_path / "drawn.mp4"
    await AvVideoAnnotator().annotate(clip, copy, lambda _: [], lambda _: None)
    with av.open(str(copy)) as drawn:
        stream = drawn.streams.video[0]
        assert (stream.width, stream.height) == (size[0] // 2 * 2, size[1])


async def test_columns_that_are_cropped_are_not_shown(
    reader: AvVideoReader, tmp_path: Path
) -> None:
    picture = np.pad(clips.half_lit()[:, ::-1], ((0, 0), (16, 16), (0, 0)), constant_values=255)
    clip = clips.write_clip(tmp_path / "clip.mp4", [(0, picture)])
    clip = clips.cropped(clip, tmp_path / "cropped.mp4", left=16, right=16)
    (frame,) = await read(reader, clip, 1)
    assert isinstance(frame, VideoFrame)
    assert np.abs(np.asarray(frame.image.pixels, int) - picture[:, 16:-16]).mean() < 2


async def test_padding_does_not_count_as_pixels(
    tmp_path: Path, single_thread: WorkExecutor
) -> None:
    clip = clips.write_clip(tmp_path / "clip.mp4", clips.numbered(3, width=100, height=96))
    items = await read(AvVideoReader(executor=single_thread, max_pixels=100 * 96), clip, 0.1)
    assert len(items) == 3


async def test_frames_without_end_for_one_moment_are_damage(
    tmp_path: Path, single_thread: WorkExecutor
) -> None:
    clip = clips.write_one_moment(tmp_path / "clip.mov", 1920, 1080, 1000)
    items = await read(AvVideoReader(executor=single_thread, cpu_s=0.1), clip, 1)
    assert isinstance(items[0], VideoFrame)
    (unreadable,) = items[1:]
    assert isinstance(unreadable, UnreadablePart)
    assert unreadable.from_s == pytest.approx(0, abs=0.01)
    assert unreadable.to_s is None


async def test_a_recording_that_begins_long_before_a_key_frame_is_read(
    reader: AvVideoReader, tmp_path: Path
) -> None:
    """As one that is cut out of a stream; nothing before the first key frame can be shown."""
    clip = clips.write_clip(
        tmp_path / "clip.mkv",
        [(number / 60, clips.half_lit()) for number in range(1000)],
        options={"g": "600", "keyint_min": "600", "bf": "0", "preset": "ultrafast"},
    )
    cut = clips.without_packets(clip, tmp_path / "cut.mkv", first=1)
    frames = [item for item in await read(reader, cut, 1) if isinstance(item, VideoFrame)]
    assert frames[-1].time_s == pytest.approx(16, abs=0.1)


async def test_colours_of_hd_are_those_of_players(reader: AvVideoReader, tmp_path: Path) -> None:
    """The matrix of BT.601, as of smaller video, would show this red as (185, 23, 41)."""
    red = np.full((720, 1280, 3), (200, 40, 40), np.uint8)
    frame = av.VideoFrame.from_ndarray(red, format="rgb24").reformat(
        format="yuv420p", dst_colorspace=Colorspace.ITU709
    )
    clip = tmp_path / "clip.mp4"
    with av.open(str(clip), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        frame.colorspace = 2  # not said
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    (shown_frame,) = await read(reader, clip, 1)
    assert isinstance(shown_frame, VideoFrame)
    pixels = shown_frame.image.pixels
    assert isinstance(pixels, np.ndarray)
    assert pixels.mean(axis=(0, 1)) == pytest.approx([200, 40, 40], abs=4)


async def test_frames_that_become_smaller_keep_the_size_of_the_video(
    reader: AvVideoReader, tmp_path: Path
) -> None:
    large = clips.numbered(10)
    small = [(time_s + 1, picture[::2, ::2]) for time_s, picture in large]
    clip = clips.write_clip_of_call(tmp_path / "call.webm", large, small)
    frames = [item for item in await read(reader, clip, 0.1) if isinstance(item, VideoFrame)]
    assert {(frame.image.width, frame.image.height) for frame in frames} == {(160, 96)}
    assert [frame.image.scale for frame in frames] == [1.0] * 10 + [0.5] * 10


async def test_frames_that_become_larger_keep_the_size_of_the_video(
    reader: AvVideoReader, tmp_path: Path
) -> None:
    large = clips.numbered(10)
    small = [(time_s, picture[::2, ::2]) for time_s, picture in large]
    later = [(time_s + 1, picture) for time_s, picture in large]
    clip = clips.write_clip_of_call(tmp_path / "call.webm", small, later)
    frames = [item for item in await read(reader, clip, 0.1) if isinstance(item, VideoFrame)]
    assert len(frames) == 20
    assert {(frame.image.width, frame.image.height) for frame in frames} == {(80, 48)}


async def test_frames_of_a_turned_phone_stand_between_bars(
    reader: AvVideoReader, tmp_path: Path
) -> None:
    across = [(0.0, np.full((96, 160, 3), 200, np.uint8))]
    upright = [(0.1, np.full((160, 96, 3), 200, np.uint8))]
    clip = clips.write_clip_of_call(tmp_path / "call.webm", across, upright)
    _, turned = [item for item in await read(reader, clip, 0.1) if isinstance(item, VideoFrame)]
    assert (turned.image.width, turned.image.height) == (160, 96)
    assert isinstance(turned.image.pixels, np.ndarray)
    lit = turned.image.pixels.mean(axis=(0, 2)) > 100
    assert lit.mean() == pytest.approx(0.6 * 0.6, abs=0.02)
    assert not lit[: len(lit) // 4].any()
    assert lit[len(lit) // 2]


async def test_all_parts_of_an_edited_video_are_read(reader: AvVideoReader, tmp_path: Path) -> None:
    clip = clips.write_clip(
        tmp_path / "clip.mp4", clips.numbered(60), options={"g": "20", "bf": "2"}
    )
    first_s = 0.2  # in the time of the track, in which no frame comes before it is decoded
    clips.cut_from(clip, (first_s, first_s + 1), (first_s + 3.5, first_s + 5))
    numbers = shown(await read(reader, clip, 0.1))
    wanted = [*range(10), *range(35, 50)]
    assert numbers == pytest.approx(wanted, abs=2)  # brightness is not exact
    later = shown(await read(reader, clip, 0.1, from_s=0.5))
    assert later == pytest.approx(wanted[5:], abs=2)


async def test_the_stream_that_players_show_is_read(reader: AvVideoReader, tmp_path: Path) -> None:
    shown_by_players = clips.numbered(5)
    other = [(time_s, picture[::2, ::2] + 200) for time_s, picture in shown_by_players]
    clip = clips.write_two_streams(tmp_path / "clip.mp4", other, shown_by_players)
    assert max(shown(await read(reader, clip, 0.1))) < 10


async def test_codecs_that_hardly_anything_writes_are_refused(
    reader: AvVideoReader, tmp_path: Path
) -> None:
    clip = clips.write_clip(
        tmp_path / "clip.avi", clips.numbered(2), codec="cinepak", pixel_format="rgb24"
    )
    with pytest.raises(InvalidVideo, match="cinepak") as refused:
        await read(reader, clip, 1)
    assert refused.value.details["reason"] == "codec"


@pytest.mark.parametrize(
    ("matrix", "lit"),
    [
        *zip(clips.QUARTER_TURNS, [(0, 0), (0, 1), (1, 1), (1, 0)], strict=True),
        (clips.MIRRORED, (0, 1)),
        (clips.UPSIDE_DOWN, (1, 0)),
    ],
)
async def test_frames_are_upright(
    reader: AvVideoReader,
    tmp_path: Path,
    matrix: tuple[int, int, int, int],
    lit: tuple[int, int],
) -> None:
    clip = clips.write_clip(tmp_path / "clip.mp4", [(0.0, clips.half_lit())])
    frame = (await read(reader, clips.placed(clip, matrix), 1))[0]
    assert isinstance(frame, VideoFrame)
    pixels = frame.image.pixels
    assert isinstance(pixels, np.ndarray)
    sides = (160, 96) if matrix[0] else (96, 160)
    assert (frame.image.width, frame.image.height) == sides
    assert pixels.shape[:2] == sides[::-1]
    height, width = pixels.shape[:2]
    quarters = {
        (row, column): pixels[height * (1 + 2 * row) // 4, width * (1 + 2 * column) // 4].mean()
        for row in (0, 1)
        for column in (0, 1)
    }
    assert max(quarters, key=lambda quarter: quarters[quarter]) == lit


async def test_sparse_samples_of_a_long_video_are_the_right_frames(
    reader: AvVideoReader, tmp_path: Path
) -> None:
    clip = clips.write_clip(tmp_path / "clip.mp4", clips.numbered(110), options={"g": "10"})
    assert shown(await read(reader, clip, 3)) == [0, 30, 60, 90]


async def test_a_truncated_video_is_read_up_to_its_end(
    reader: AvVideoReader, tmp_path: Path
) -> None:
    clip = clips.write_clip(tmp_path / "clip.mkv", clips.numbered(110), options={"g": "10"})
    whole = clip.read_bytes()
    clip.write_bytes(whole[: len(whole) * 2 // 3])
    items = await read(reader, clip, 1)
    assert shown(items)[:5] == [0, 10, 20, 30, 40]
    assert isinstance(items[-1], UnreadablePart)
    assert items[-1].to_s is None


async def test_frames_after_a_damaged_part_are_read(reader: AvVideoReader, tmp_path: Path) -> None:
    clip = clips.write_clip(tmp_path / "clip.mkv", clips.numbered(110), options={"g": "10"})
    content = bytearray(clip.read_bytes())
    start, end = len(content) * 38 // 100, len(content) // 2
    content[start:end] = bytes(end - start)
    clip.write_bytes(content)
    items = await read(reader, clip, 0.5)
    assert any(isinstance(item, UnreadablePart) for item in items)
    assert max(shown(items)) >= 90


_LIVE = {"live": "1"}  # sizes are unknown, as in recordings of browsers


@pytest.mark.parametrize("how", ["zeros", "noise", "lost"])
@pytest.mark.parametrize(
    ("name", "codec", "container_options"),
    [("clip.mkv", "libx264", {}), ("clip.mkv", "libx264", _LIVE), ("clip.webm", "libvpx", _LIVE)],
)
async def test_frames_lost_between_clusters_are_damage(
    reader: AvVideoReader,
    tmp_path: Path,
    name: str,
    codec: str,
    container_options: dict[str, str],
    how: str,
) -> None:
    clip = clips.write_clip(
        tmp_path / name,
        clips.numbered(110),
        codec=codec,
        options={"g": "10", "bf": "0"},
        container_options={"cluster_time_limit": "1000", **container_options},
    )
    items = await read(reader, clips.damaged(clip, 0.4, 0.6, how), 0.1)
    frames = [item.time_s for item in items if isinstance(item, VideoFrame)]
    parts = [item for item in items if isinstance(item, UnreadablePart)]
    holes = [hole for hole in pairwise(frames) if hole[1] - hole[0] > 0.15]
    assert holes
    assert [(part.from_s, part.to_s) for part in parts if part.to_s is not None] == holes
    after = await read(reader, clip, 0.1, from_s=holes[-1][1] + 0.2, to_s=9)
    assert all(isinstance(item, VideoFrame) for item in after)


async def test_a_pause_and_what_stands_between_clusters_are_no_damage(
    reader: AvVideoReader, tmp_path: Path
) -> None:
    recording = [(n / 10 if n < 30 else n / 10 + 60, p) for n, (_, p) in
                 enumerate(clips.numbered(60))]  # fmt: skip
    clip = clips.write_clip(
        tmp_path / "clip.mkv", recording, container_options={"cluster_time_limit": "500", **_LIVE}
    )
    items = await read(reader, clips.with_other_elements(clip), 0.1)
    assert [item for item in items if isinstance(item, UnreadablePart)] == []
    assert len(items) == 60


async def test_the_first_seconds_may_be_lost(reader: AvVideoReader, tmp_path: Path) -> None:
    clip = clips.write_clip(
        tmp_path / "clip.mkv",
        clips.numbered(110),
        options={"g": "10"},
        container_options={"cluster_time_limit": "1000"},
    )
    items = await read(reader, clips.damaged(clip, 0.2, 0.5, "zeros"), 0.1)
    frames = [item.time_s for item in items if isinstance(item, VideoFrame)]
    assert items[0] == UnreadablePart(0, frames[0])


async def test_an_mp4_without_its_table_is_damaged(reader: AvVideoReader, tmp_path: Path) -> None:
    clip = clips.write_clip(tmp_path / "clip.mp4", clips.numbered(110))
    whole = clip.read_bytes()
    clip.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidVideo) as refused:
        await read(reader, clip, 1)
    assert refused.value.details["reason"] == "damaged"


async def test_a_video_of_countless_fragments_is_refused_and_one_of_thousands_is_read(
    reader: AvVideoReader, tmp_path: Path
) -> None:
    many = clips.write_clip(tmp_path / "many.mp4", clips.numbered(30))
    clips.with_fragments(many, 20_000)
    assert shown(await read(reader, many, 1.0)) == [0, 10, 20]
    with pytest.raises(InvalidVideo, match="fragments"):
        await read(reader, clips.with_fragments(many, 200_000), 1.0)


async def test_a_file_with_sound_only_is_refused(reader: AvVideoReader, tmp_path: Path) -> None:
    with pytest.raises(InvalidVideo) as refused:
        await read(reader, clips.write_sound(tmp_path / "sound.mp4"), 1)
    assert refused.value.details["reason"] == "no_video"


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv"])
async def test_frames_that_start_after_the_sound_keep_the_times_of_a_player(
    reader: AvVideoReader, tmp_path: Path, name: str
) -> None:
    late = clips.mapped(clips.numbered(30), lambda time_s: time_s + 0.7)
    clip = clips.write_clip_with_sound(tmp_path / name, late, sound_s=4)
    items = await read(reader, clip, 0.5)
    assert {round(item.time_s, 3) for item in items if isinstance(item, VideoFrame)} <= {
        round(time_s, 3) for time_s, _ in late
    }
    assert shown(items)[0] == 0
    assert not [item for item in items if isinstance(item, UnreadablePart)]
    assert shown(await read(reader, clip, 0.5, from_s=1.7))[0] == 10


_JOINED = [("clip.mp4", "libx264", {}), ("clip.mkv", "libx264", {}), ("clip.webm", "libvpx", _LIVE)]


@pytest.mark.parametrize(("name", "codec", "container_options"), _JOINED)
async def test_a_second_video_in_a_file_is_reported_as_not_read(
    reader: AvVideoReader,
    tmp_path: Path,
    name: str,
    codec: str,
    container_options: dict[str, str],
) -> None:
    clip = clips.write_clip(
        tmp_path / name, clips.numbered(20), codec=codec, container_options=container_options
    )
    alone = await read(reader, clip, 0.5)
    assert not any(isinstance(item, UnreadablePart) for item in alone)
    clip.write_bytes(2 * clip.read_bytes())
    *frames, rest = await read(reader, clip, 0.5)
    assert shown(frames) == shown(alone)
    assert isinstance(rest, UnreadablePart)
    assert rest.from_s == pytest.approx(1.9, abs=0.4)
    assert rest.to_s is None


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv"])
async def test_sound_after_the_last_frame_is_not_damage(
    reader: AvVideoReader, tmp_path: Path, name: str
) -> None:
    clip = clips.write_clip_with_sound(tmp_path / name, clips.numbered(20), sound_s=8)
    items = await read(reader, clip, 0.5)
    assert [item for item in items if isinstance(item, UnreadablePart)] == []
    assert len(items) == 4
