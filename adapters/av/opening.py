"""Opening a video file, but no other file that it names."""

from __future__ import annotations

import re
from pathlib import Path

import av
import av.error
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from adapters.av.video_formats import format_of_file
from domain.errors import InvalidVideo
from domain.formats import AVI, MKV, MOV, MP4, WEBM

_DEMUXERS = {MP4: "mov", MOV: "mov", WEBM: "matroska", MKV: "matroska", AVI: "avi"}
"""What reads each format in FFmpeg."""

# What cameras, phones, screen recorders and editors write. FFmpeg reads hundreds of codecs more,
# most of them unused for decades and little tested against hostile files.
_FOR_ALL = ("h264", "hevc", "av1", "vp8", "vp9", "mpeg4", "mpeg1video", "mpeg2video", "h263")
_OF_CAMERAS_AND_EDITORS = (
    "mjpeg",
    "prores",
    "dnxhd",
    "cfhd",
    "dvvideo",
    "png",
    "qtrle",
    "rawvideo",
)
_LOSSLESS_OR_OLD = ("ffv1", "huffyuv", "ffvhuff", "utvideo", "msmpeg4v2", "msmpeg4v3")
_CODECS = frozenset(_FOR_ALL + _OF_CAMERAS_AND_EDITORS + _LOSSLESS_OR_OLD)
_DECODERS = _CODECS | {"libdav1d", "libvpx", "libvpx-vp9", "msmpeg4"}
_OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": ",".join(_DEMUXERS.values()),
    "codec_whitelist": ",".join(sorted(_DECODERS)),  # for what is decoded while opening
    "enable_drefs": "0",
    "probesize": str(8 * 2**20),
    "analyzeduration": "5000000",
}

_CLOCK = re.compile(r"(\d{1,4}):(\d\d):(\d\d(?:\.\d+)?)")


def opened(path: Path) -> tuple[InputContainer, str]:
    """Open a file for reading; returns its media type too.

    Raises:
        InvalidVideo: it is not a video in a supported format, or is damaged.
        OSError: the file cannot be read.
    """
    found = format_of_file(path)
    try:
        container = av.open(
            f"file:{path.absolute()}",
            format=_DEMUXERS[found],
            options=_OPTIONS,
            metadata_errors="replace",
        )
    except (av.error.FFmpegError, ValueError) as error:
        raise InvalidVideo("the video file is damaged or cut short", reason="damaged") from error
    return container, found.media_type


def picture_stream(container: InputContainer) -> VideoStream:
    """The video stream that a player shows: the default one, or else the first.

    Raises:
        InvalidVideo: there is none, or its codec is not supported.
    """
    streams = [stream for stream in container.streams.video if not _is_still(stream)]
    if not streams:
        if not container.streams.video and not container.streams.audio:
            raise InvalidVideo("the video file is damaged or cut short", reason="damaged")
        raise InvalidVideo("the file has no video stream", reason="no_video")
    stream = max(streams, key=lambda stream: bool(stream.disposition & Disposition.default))
    codec = stream.codec_context.codec.canonical_name if stream.codec_context else "unknown"
    if codec not in _CODECS:
        raise InvalidVideo(f"the codec of the video, {codec}, is not supported", reason="codec")
    return stream


def _is_still(stream: VideoStream) -> bool:
    """Whether it is a cover image, or thumbnails."""
    return bool(stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails))


def first_tick(stream: VideoStream) -> int:
    """The timestamp that a player shows as zero, in ticks of the stream.

    Players keep the times that a file has, also where its pictures begin late; only times below
    zero are moved up.
    """
    return min(stream.start_time or 0, 0)


def end_s(container: InputContainer, stream: VideoStream) -> float | None:
    """When the last frame ends, in seconds of a player's clock; None if the file does not say."""
    said_s = _said_end_s(container, stream)
    return None if said_s is None or said_s <= 0 else said_s


def _said_end_s(container: InputContainer, stream: VideoStream) -> float | None:
    if container.format.name == "avi" and stream.frames and stream.average_rate:
        # FFmpeg's duration is that of the frames that are there, also in a file that is cut short.
        return float(stream.frames / stream.average_rate)
    if stream.duration is not None and stream.time_base is not None:
        return float((max(stream.start_time or 0, 0) + stream.duration) * stream.time_base)
    # Matroska has a duration for all streams together; a tag has that of one.
    if said := _CLOCK.match(stream.metadata.get("DURATION", "")):
        hours, minutes, seconds = said.groups()
        return 3600 * int(hours) + 60 * int(minutes) + float(seconds)
    return None if container.duration is None else container.duration / 1_000_000
