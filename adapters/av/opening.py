"""Opening a video file, but no other file or address that it names."""

from __future__ import annotations

import re
from pathlib import Path

import av
import av.error
from av.codec.context import Flags
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from adapters.av.fragments import LostPart, WithoutLostParts, lost_parts
from adapters.av.video_formats import format_of_file
from domain.errors import InvalidVideo
from domain.formats import AVI, MKV, MOV, MP4, WEBM

_DEMUXERS = {MP4: "mov", MOV: "mov", WEBM: "matroska", MKV: "matroska", AVI: "avi"}
"""FFmpeg's name for the reader of each format."""

# The codecs that cameras, phones, screen recorders and editors write. FFmpeg reads hundreds more,
# most of them unused for decades and little tested against hostile files.
_COMMON = ("h264", "hevc", "av1", "vp8", "vp9", "mpeg4", "mpeg1video", "mpeg2video", "h263")
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
_CODECS = frozenset(_COMMON + _OF_CAMERAS_AND_EDITORS + _LOSSLESS_OR_OLD)
_DECODERS = _CODECS | {"libdav1d", "libvpx", "libvpx-vp9", "msmpeg4"}
_OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": ",".join(sorted(set(_DEMUXERS.values()))),
    "codec_whitelist": ",".join(sorted(_DECODERS)),  # FFmpeg decodes frames while it opens a file
    "enable_drefs": "0",
    "probesize": str(8 * 2**20),
    "analyzeduration": "5000000",
}

_CLOCK = re.compile(r"(\d{1,4}):(\d\d):(\d\d(?:\.\d+)?)")


def open_video(path: Path) -> tuple[InputContainer, str, list[LostPart]]:
    """Open a video file for reading.

    Returns:
        The open file, which the caller closes, its media type, and what of a fragmented MP4 file is
        lost.

    Raises:
        InvalidVideo: it is not a video in a supported format, is damaged, or has far too many
            fragments.
        OSError: the file cannot be read.
    """
    found = format_of_file(path)
    lost = lost_parts(path) if found in (MP4, MOV) else []
    source = WithoutLostParts(path, lost) if lost else f"file:{path.absolute()}"
    try:
        container = av.open(
            source,
            "r",
            format=_DEMUXERS[found],
            options=_OPTIONS,
            metadata_errors="replace",
        )
    except (av.error.FFmpegError, ValueError) as error:
        raise InvalidVideo("the video file is damaged or cut short", reason="damaged") from error
    return container, found.media_type, lost


def main_video_stream(container: InputContainer) -> VideoStream:
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
    # Otherwise FFmpeg shows up to 63 columns that H.264 and HEVC say to crop at the left.
    stream.codec_context.flags |= Flags.unaligned
    return stream


def _is_still(stream: VideoStream) -> bool:
    """Whether it holds a cover image or thumbnails."""
    return bool(stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails))


def first_tick(stream: VideoStream) -> int:
    """The timestamp that players show as 0:00, in ticks of the stream.

    It is 0, even if the first frame comes later. Only if timestamps begin below 0, it is the first.
    """
    return min(stream.start_time or 0, 0)


def end_s(container: InputContainer, stream: VideoStream) -> float | None:
    """When the last frame ends, in seconds as players show them; None if the file does not say."""
    stated_s = _stated_end_s(container, stream)
    return None if stated_s is None or stated_s <= 0 else stated_s


def _stated_end_s(container: InputContainer, stream: VideoStream) -> float | None:
    if container.format.name == "avi" and stream.frames and stream.average_rate:
        # From the header: FFmpeg's own duration leaves out what a file that is cut short lacks.
        return float(stream.frames / stream.average_rate)
    if stream.duration is not None and stream.time_base is not None:
        return float((max(stream.start_time or 0, 0) + stream.duration) * stream.time_base)
    # Matroska states one duration for all streams together, and that of a single stream in a tag.
    if tag := _CLOCK.match(stream.metadata.get("DURATION", "")):
        hours, minutes, seconds = tag.groups()
        return 3600 * int(hours) + 60 * int(minutes) + float(seconds)
    return None if container.duration is None else container.duration / 1_000_000
