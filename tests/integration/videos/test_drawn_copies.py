"""Drawn copies of videos."""

from pathlib import Path

import av
import numpy as np
import pytest

from adapters.av.video_annotator import AvVideoAnnotator
from tests import clips
from tests.unit.videos.crowds import crowd


async def test_boxes_keep_their_place_where_frames_become_smaller(tmp_path: Path) -> None:
    large = [(n / 10, np.full((192, 320, 3), 90, np.uint8)) for n in range(5)]
    small = [(time_s + 0.5, picture[::2, ::2]) for time_s, picture in large]
    clip = clips.write_clip_of_call(tmp_path / "call.webm", large, small)
    (face,) = crowd(1)  # happy, and so yellow; 70 pixels wide, at the left, 40 from the top
    copy = tmp_path / "drawn.mp4"
    await AvVideoAnnotator().annotate(clip, copy, lambda _: [face], lambda _: None)
    with av.open(str(copy)) as drawn:
        *_, last = drawn.decode(video=0)
    pixels = last.to_ndarray(format="rgb24").astype(int)
    assert pixels.shape == (192, 320, 3)
    yellow = pixels[60:100, :, 0] - pixels[60:100, :, 2] > 80
    assert yellow[:, 66:76].any(axis=1).all(), "the right edge of the box"
    assert not yellow[:, 10:60].any(), "nothing within it"


@pytest.mark.parametrize(
    ("name", "codec", "copy_name", "codec_of_copy"),
    [
        ("clip.mkv", "pcm_s16le", "drawn.mp4", "aac"),
        ("clip.mkv", "pcm_s16le", "drawn.mov", "pcm_s16le"),
        ("clip.mkv", "libopus", "drawn.mov", "aac"),
        ("clip.mkv", "libopus", "drawn.mp4", "opus"),
        ("clip.mp4", "flac", "drawn.mov", "aac"),
        ("clip.mp4", "aac", "drawn.mkv", "aac"),
    ],
)
async def test_the_sound_is_kept_or_becomes_aac(
    tmp_path: Path, name: str, codec: str, copy_name: str, codec_of_copy: str
) -> None:
    clip = clips.write_clip_with_sound(
        tmp_path / name, clips.numbered(20), sound_s=2, sound_codec=codec
    )
    copy = tmp_path / copy_name
    await AvVideoAnnotator().annotate(clip, copy, lambda _: [], lambda _: None)
    codec_now, seconds = sound_of(copy)
    assert (codec_now, round(seconds, 1)) == (codec_of_copy, 2)


async def test_sound_whose_times_are_inexact_is_kept(tmp_path: Path) -> None:
    """In fragments of one frame each, several packets of sound may state the same time."""
    clip = clips.write_clip_with_sound(
        tmp_path / "clip.mp4",
        clips.numbered(20),
        sound_s=2,
        container_options={"movflags": "frag_every_frame+empty_moov"},
    )
    copy = tmp_path / "drawn.mp4"
    await AvVideoAnnotator().annotate(clip, copy, lambda _: [], lambda _: None)
    codec, seconds = sound_of(copy)
    assert (codec, round(seconds, 1)) == ("aac", 2)


@pytest.mark.parametrize("name", ["drawn.mp4", "drawn.mov", "drawn.mkv"])
async def test_the_last_frame_stays_as_long_as_in_the_original(tmp_path: Path, name: str) -> None:
    clip = clips.write_clip(tmp_path / "clip.mp4", clips.numbered(20), options={"bf": "0"})
    held = tmp_path / "held.mp4"
    with av.open(str(clip)) as original, av.open(str(held), "w") as longer:
        stream = original.streams.video[0]
        assert stream.time_base is not None
        *packets, last = [packet for packet in original.demux(stream) if packet.size]
        last.duration = round(8 / stream.time_base)
        template = longer.add_stream_from_template(stream)
        for packet in (*packets, last):
            packet.stream = template
            longer.mux(packet)
    copy = tmp_path / name
    await AvVideoAnnotator().annotate(held, copy, lambda _: [], lambda _: None)
    with av.open(str(copy)) as drawn:
        assert drawn.duration == pytest.approx(9_900_000, abs=10_000)  # microseconds


@pytest.mark.parametrize("name", ["drawn.mp4", "drawn.mkv"])
@pytest.mark.parametrize(("states_whole", "seconds"), [(True, 1.93), (False, 3601.9)])
async def test_a_wrong_length_of_the_last_frame_makes_no_endless_copy(
    tmp_path: Path, name: str, states_whole: bool, seconds: float
) -> None:
    """As in damaged files; an hour is the limit where the length of the video is unknown."""
    clip = clips.write_clip(tmp_path / "clip.mp4", clips.numbered(20), options={"bf": "0"})
    content = bytearray(clip.read_bytes())
    lengths = content.index(b"stts")
    assert content[lengths + 11] == 2, "the last frame has an entry of its own"
    content[lengths + 24 : lengths + 28] = (2**31 - 1).to_bytes(4, "big")
    if not states_whole:
        facts = content.index(b"mdhd")
        content[facts + 20 : facts + 24] = (2**32 - 1).to_bytes(4, "big")
    clip.write_bytes(content)
    copy = tmp_path / name
    await AvVideoAnnotator().annotate(clip, copy, lambda _: [], lambda _: None)
    with av.open(str(copy)) as drawn:
        assert drawn.duration == pytest.approx(1_000_000 * seconds, abs=10_000)  # microseconds


@pytest.mark.parametrize("name", ["drawn.mp4", "drawn.mov"])
async def test_the_index_of_a_copy_comes_first_for_browsers(tmp_path: Path, name: str) -> None:
    clip = clips.write_clip(tmp_path / "clip.mp4", clips.numbered(20))
    copy = tmp_path / name
    await AvVideoAnnotator().annotate(clip, copy, lambda _: [], lambda _: None)
    content = copy.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


@pytest.mark.parametrize("name", ["drawn.mp4", "drawn.mov", "drawn.mkv"])
async def test_what_was_cut_off_at_the_beginning_is_not_in_the_copy(
    tmp_path: Path, name: str
) -> None:
    clip = clips.write_clip_with_sound(tmp_path / "clip.mp4", clips.numbered(30), sound_s=3)
    cut, copy = tmp_path / "cut.mp4", tmp_path / name
    with av.open(str(clip)) as original, av.open(str(cut), "w") as shorter:
        streams = {each.index: shorter.add_stream_from_template(each) for each in original.streams}
        for packet in original.demux():
            if packet.pts is not None and packet.dts is not None:
                assert packet.time_base is not None
                second = round(1 / packet.time_base)
                packet.pts, packet.dts = packet.pts - second, packet.dts - second
                packet.stream = streams[packet.stream.index]
                shorter.mux(packet)
    await AvVideoAnnotator().annotate(cut, copy, lambda _: [], lambda _: None)
    with av.open(str(copy)) as drawn:
        times = [frame.time for frame in drawn.decode(video=0)]
    assert len(times) == 20
    assert times[0] < 0.03, "no more than a packet of sound before"
    with av.open(str(copy)) as drawn:
        assert drawn.duration == pytest.approx(2_000_000, abs=100_000)  # microseconds


@pytest.mark.parametrize("name", ["drawn.mp4", "drawn.mkv"])
async def test_the_languages_of_the_sound_are_kept(tmp_path: Path, name: str) -> None:
    clip = clips.write_clip_with_sound(tmp_path / "clip.mp4", clips.numbered(20), sound_s=2)
    german, copy = tmp_path / "german.mp4", tmp_path / name
    with av.open(str(clip)) as original, av.open(str(german), "w") as marked:
        streams = {each.index: marked.add_stream_from_template(each) for each in original.streams}
        streams[original.streams.audio[0].index].metadata["language"] = "ger"
        for packet in original.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                marked.mux(packet)
    await AvVideoAnnotator().annotate(german, copy, lambda _: [], lambda _: None)
    with av.open(str(copy)) as drawn:
        assert drawn.streams.audio[0].language == "ger"


def sound_of(path: Path) -> tuple[str, float]:
    """The codec of a file's sound, and how many seconds of it there are."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        samples = sum(frame.samples for frame in container.decode(stream))
        return stream.codec_context.codec.canonical_name, samples / stream.rate
