"""Small video files for tests, made with PyAV."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.frame import PictureType
from numpy.typing import NDArray

Picture = NDArray[np.uint8]


def write_clip(
    path: Path,
    pictures: Iterable[tuple[float, Picture]],
    *,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    options: dict[str, str] | None = None,
    format: str | None = None,  # noqa: A002 (PyAV's word)
    ticks: int = 1000,
    colour_curve: int | None = None,
    container_options: dict[str, str] | None = None,
    pixel_aspect: Fraction | None = None,
    whole: Collection[float] = (),
) -> Path:
    """Write pictures with their times.

    Args:
        path: the file; its ending chooses the container unless ``format`` does.
        pictures: seconds, rising, and uint8 RGB pixels (H, W, 3), even sides, all of one size.
        codec: FFmpeg's name of the encoder.
        pixel_format: FFmpeg's name.
        options: of the encoder.
        format: FFmpeg's name of the container.
        ticks: a second, of the clock of the times; AVI needs one a frame.
        colour_curve: marks the pixels as those of wide colours with this transfer characteristic
            (ITU-T H.273), and changes none.
        container_options: of the container.
        pixel_aspect: width of a pixel divided by its height.
        whole: times at which the encoder is told to begin anew, as at a cut.
    """
    # Without random numbers in the file, whose lengths would move what a test damages.
    muxing = {"fflags": "+bitexact", **(container_options or {})}
    with av.open(str(path), "w", format=format, options=muxing) as container:
        stream: Any = None  # of video, by its codec
        for time_s, picture in pictures:
            if stream is None:
                stream = container.add_stream(codec, rate=30, options=options or {})
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = pixel_format
                if pixel_aspect is not None:
                    stream.sample_aspect_ratio = pixel_aspect
                stream.codec_context.time_base = Fraction(1, ticks)
                if colour_curve is not None:
                    stream.codec_context.color_trc = colour_curve
                    stream.codec_context.color_primaries = stream.codec_context.colorspace = 9
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = round(time_s * ticks)
            frame.time_base = Fraction(1, ticks)
            if time_s in whole:
                frame.pict_type = PictureType.I
            for packet in stream.encode(frame):
                container.mux(packet)
        if stream is not None:
            for packet in stream.encode():
                container.mux(packet)
    return path


def numbered(
    count: int, *, width: int = 160, height: int = 96, rate: float = 10.0
) -> list[tuple[float, Picture]]:
    """Frames that encode their number as brightness."""
    return [
        (number / rate, np.full((height, width, 3), 20 + 2 * number, np.uint8))
        for number in range(count)
    ]


def number_of(picture: Picture) -> int:
    """The number that such a frame encodes."""
    return round((float(picture.mean()) - 20) / 2)


def half_lit(width: int = 160, height: int = 96) -> Picture:
    """Bright in the upper left quarter only, so that rotation can be seen."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2] = 255
    return picture


QUARTER_TURNS = ((1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0))
"""The display matrices of rotations clockwise: where the axes to the right and down point."""
MIRRORED, UPSIDE_DOWN = (-1, 0, 0, 1), (1, 0, 0, -1)


def placed(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Set the display matrix of an MP4 file, as phones do, and change nothing else."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # version 0: the matrix is this far after the name
    a, b, c, d = ((number << 16).to_bytes(4, "big", signed=True) for number in matrix)
    data[at : at + 24] = a + b + bytes(4) + c + d + bytes(4)
    path.write_bytes(data)
    return path


def write_two_streams(
    path: Path, first: Sequence[tuple[float, Picture]], default: Sequence[tuple[float, Picture]]
) -> Path:
    """Write an MP4 file with two video streams, of which players show the second."""
    with av.open(str(path), "w") as container:
        streams = [(container.add_stream("libx264", rate=10), pictures)
                   for pictures in (first, default)]  # fmt: skip
        for stream, pictures in streams:
            stream.height, stream.width = pictures[0][1].shape[:2]
            stream.pix_fmt = "yuv420p"
        for stream, pictures in streams:
            for _, picture in pictures:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())
    data = bytearray(path.read_bytes())
    first_at = data.index(b"tkhd")
    data[first_at + 7] &= ~1  # not enabled
    data[data.index(b"tkhd", first_at + 4) + 7] |= 1
    path.write_bytes(data)
    return path


def write_clip_of_call(path: Path, *parts: Sequence[tuple[float, Picture]]) -> Path:
    """Write a WebM file whose frames change their size from part to part, as those of calls do."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libvpx", rate=10)
        stream.height, stream.width = parts[0][0][1].shape[:2]
        for pictures in parts:
            encoder = av.CodecContext.create("libvpx", "w")
            assert isinstance(encoder, av.VideoCodecContext)
            encoder.height, encoder.width = pictures[0][1].shape[:2]
            encoder.pix_fmt, encoder.time_base = "yuv420p", Fraction(1, 1000)
            packets = []
            for time_s, picture in pictures:
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.pts, frame.time_base = round(1000 * time_s), Fraction(1, 1000)
                packets += encoder.encode(frame)
            for packet in [*packets, *encoder.encode()]:
                packet.stream, packet.time_base = stream, Fraction(1, 1000)
                container.mux(packet)
    return path


def mapped(
    pictures: Sequence[tuple[float, Picture]], change: Callable[[float], float]
) -> list[tuple[float, Picture]]:
    """The same frames at other times."""
    return [(change(time_s), picture) for time_s, picture in pictures]


def write_sound(path: Path, seconds: float = 0.5) -> Path:
    """Write a file with a silent sound track and no video."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48_000)
        stream.layout = "mono"
        count = 1024
        for start in range(0, round(seconds * 48_000), count):
            frame = av.AudioFrame.from_ndarray(
                np.zeros((1, count), np.float32), format="fltp", layout="mono"
            )
            frame.sample_rate, frame.pts = 48_000, start
            frame.time_base = Fraction(1, 48_000)
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


def write_clip_with_sound(
    path: Path,
    pictures: Sequence[tuple[float, Picture]],
    *,
    sound_s: float | None = None,
    sound_codec: str = "aac",
    container_options: dict[str, str] | None = None,
) -> Path:
    """Write frames with their times, and a hum from 0 on, as long as the frames or as given."""
    rate, count = 48_000, 1024
    muxing = {"fflags": "+bitexact", **(container_options or {})}
    with av.open(str(path), "w", options=muxing) as container:
        video = container.add_stream("libx264", rate=30)
        video.height, video.width = pictures[0][1].shape[:2]
        video.pix_fmt = "yuv420p"
        video.codec_context.time_base = Fraction(1, 1000)
        audio: Any = container.add_stream(sound_codec, rate=rate)
        audio.layout = "mono"
        for time_s, picture in pictures:
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = round(time_s * 1000), Fraction(1, 1000)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        for start in range(0, round((sound_s or pictures[-1][0]) * rate), count):
            hum = np.sin(np.arange(start, start + count) * 2 * np.pi * 220 / rate)
            sound = av.AudioFrame.from_ndarray(
                hum[None].astype(np.float32), format="fltp", layout="mono"
            )
            sound.sample_rate, sound.pts, sound.time_base = rate, start, Fraction(1, rate)
            container.mux(audio.encode(sound))
        container.mux(audio.encode())
    return path


def cropped(path: Path, target: Path, *, left: int, right: int) -> Path:
    """Copy an H.264 video that says not to show these columns; no pixel is encoded anew."""
    with av.open(str(path)) as source, av.open(str(target), "w") as copy:
        video = source.streams.video[0]
        stream = copy.add_stream_from_template(video)
        margins = f"h264_metadata=crop_left={left}:crop_right={right}"
        rewriting = av.BitStreamFilterContext(margins, video, stream)
        for packet in source.demux(video):
            for rewritten in rewriting.filter(packet if packet.size else None):
                rewritten.stream = stream
                copy.mux(rewritten)
    return target


def without_packets(path: Path, cut: Path, *, first: int) -> Path:
    """Copy a video without its first packets."""
    with av.open(str(path)) as source, av.open(str(cut), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(source.demux(video=0)):
            if number >= first and packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return cut


def write_one_moment(path: Path, width: int, height: int, count: int) -> Path:
    """Write a still picture, this many frames within a millisecond that repeat it, and one a second
    later.
    """
    frame = av.VideoFrame.from_ndarray(np.full((height, width, 3), 128, np.uint8), format="rgb24")
    ticks = 1_000_000
    with av.open(str(path), "w", options={"video_track_timescale": str(ticks)}) as container:
        stream = container.add_stream("mpeg4", rate=1000, options={"g": "1000"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        frames = [bytes(packet) for _ in range(2) for packet in stream.encode(frame)]
        first, repeated = [*frames, *map(bytes, stream.encode())][:2]
        for at in (*range(count), ticks):
            packet = av.Packet(repeated if at else first)
            packet.stream, packet.time_base = stream, Fraction(1, ticks)
            packet.pts = packet.dts = at
            packet.is_keyframe = at == 0
            container.mux(packet)
    return path


def damaged(path: Path, start: float, end: float, how: str) -> Path:
    """Damage a part of a file, from one share of its length to another.

    Args:
        path: the file.
        start: in [0, 1].
        end: likewise.
        how: "zeros" or "noise" overwrites the bytes, "lost" leaves them out.
    """
    data = bytearray(path.read_bytes())
    first, last = round(start * len(data)), round(end * len(data))
    noise = np.random.default_rng(1).bytes(last - first)
    data[first:last] = {"zeros": bytes(last - first), "noise": noise, "lost": b""}[how]
    path.write_bytes(data)
    return path


def with_other_elements(path: Path) -> Path:
    """Put an empty space, tags and an index before each cluster of an MKV file without sizes."""
    cluster = b"\x1f\x43\xb6\x75"
    others = [b"\xec\x42\x00" + bytes(512), b"\x12\x54\xc3\x67\x80", b"\x1c\x53\xbb\x6b\x80"]
    path.write_bytes(path.read_bytes().replace(cluster, b"".join([*others, cluster])))
    return path


def with_empty_packets(path: Path, count: int) -> Path:
    """Append packets without content to an MKV file; players pass over them."""
    block = b"\xa3\x84\x81\x00\x00\x00"  # of the first track, at the time of its cluster
    clusters = []
    for number in range(count // 1000):
        body = b"\xe7\x82" + (1000 + number).to_bytes(2, "big") + 1000 * block
        clusters.append(b"\x1f\x43\xb6\x75" + (2**56 + len(body)).to_bytes(8, "big") + body)
    with path.open("ab") as file:
        file.writelines(clusters)
    return path


def with_fragments(path: Path, count: int) -> Path:
    """Append empty fragments to an MP4 file; players pass over them."""
    with path.open("ab") as file:
        file.write(count * b"\x00\x00\x00\x08moof\x00\x00\x00\x08mdat")
    return path


def with_edits(path: Path, count: int) -> Path:
    """Let an MP4 file show one tick of its track this many times; players need no time for it."""
    return _with_edits(path, [(1, 0)] * count)


def cut_from(path: Path, *parts_s: tuple[float, float]) -> Path:
    """Let an MP4 file show parts of its track, one after the other, as editors do.

    Args:
        path: the file.
        parts_s: where each begins and ends in the track, in seconds.
    """
    data = path.read_bytes()
    per_s = int.from_bytes(data[(at := data.index(b"mdhd")) + 16 : at + 20], "big")
    movie_per_s = int.from_bytes(data[(at := data.index(b"mvhd")) + 16 : at + 20], "big")
    edits = [(round((to - since) * movie_per_s), round(since * per_s)) for since, to in parts_s]
    return _with_edits(path, edits)


def _with_edits(path: Path, edits: Sequence[tuple[int, int]]) -> Path:
    """Replace the edits of an MP4 file; each has a length and a beginning."""
    data = path.read_bytes()
    moov, trak, edts = (data.index(name) - 4 for name in (b"moov", b"trak", b"edts"))
    after = edts + int.from_bytes(data[edts : edts + 4], "big")
    each = [(length << 64 | begin << 32 | 1 << 16).to_bytes(12, "big") for length, begin in edits]
    entries = bytes(4) + len(each).to_bytes(4, "big") + b"".join(each)
    elst = (8 + len(entries)).to_bytes(4, "big") + b"elst" + entries
    grown = bytearray(
        data[:edts] + (8 + len(elst)).to_bytes(4, "big") + b"edts" + elst + data[after:]
    )
    for at in (moov, trak):
        size = int.from_bytes(data[at : at + 4], "big") + len(grown) - len(data)
        grown[at : at + 4] = size.to_bytes(4, "big")
    path.write_bytes(grown)
    return path


def claiming_samples(path: Path, count: int) -> Path:
    """Let the tables of an MP4 file claim this many frames of one byte; change nothing else."""
    data = bytearray(path.read_bytes())
    for box, offset, value in (
        (b"stsz", 4, 1),  # the size of each
        (b"stsz", 8, count),
        (b"stts", 8, count),
        (b"stsc", 12, count),  # all of them in one chunk
    ):
        at = data.index(box) + 4 + offset
        data[at : at + 4] = value.to_bytes(4, "big")
    path.write_bytes(data)
    return path
