"""Opening a video file, but no other file that it names."""

from __future__ import annotations

import re
from pathlib import Path

import av
import av.error
from av.container import InputContainer
from av.video.stream import VideoStream

from adapters.av.video_format import format_of
from domain.errors import InvalidVideo

# The codecs that cameras, phones, screen recorders and editors write. FFmpeg reads hundreds more,
# most of them unused for decades and little tested against hostile files.
_CODECS = ("h264", "hevc", "av1", "libdav1d", "vp8", "vp9", "libvpx", "libvpx-vp9", "mpeg4")
_OLDER_CODECS = ("mpeg1video", "mpeg2video", "mjpeg", "prores", "h263", "msmpeg4v3", "rawvideo")
_OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi",
    "codec_whitelist": ",".join(_CODECS + _OLDER_CODECS),
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
    demuxer, media_type = format_of(path)
    try:
        container = av.open(
            f"file:{path.absolute()}", format=demuxer, options=_OPTIONS, metadata_errors="replace"
        )
    except (av.error.FFmpegError, ValueError) as error:
        raise InvalidVideo("the video file is damaged or cut short", reason="damaged") from error
    return container, media_type


def picture_stream(container: InputContainer) -> VideoStream:
    """The first video stream.

    Raises:
        InvalidVideo: there is none.
    """
    for stream in container.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic:  # a cover image
            return stream
    if not container.streams.video and not container.streams.audio:
        raise InvalidVideo("the video file is damaged or cut short", reason="damaged")
    raise InvalidVideo("the file has no video stream", reason="no_video")


def first_tick(stream: VideoStream) -> int:
    """The timestamp that a player shows as zero, in ticks of the stream.

    Players keep the times that a file has, also where its pictures begin late; only times below
    zero are moved up.
    """
    return min(stream.start_time or 0, 0)


def end_s(container: InputContainer, stream: VideoStream) -> float | None:
    """When the last frame ends, in seconds of a player's clock; None if the file does not say."""
    if stream.duration is not None and stream.time_base is not None:
        return float((max(stream.start_time or 0, 0) + stream.duration) * stream.time_base)
    # Matroska has a duration for all streams together; a tag has that of one.
    if said := _CLOCK.match(stream.metadata.get("DURATION", "")):
        hours, minutes, seconds = said.groups()
        return 3600 * int(hours) + 60 * int(minutes) + float(seconds)
    return None if container.duration is None else container.duration / 1_000_000
