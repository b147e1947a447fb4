"""Writing copies of videos with faces drawn over the frames, and with the audio."""

from __future__ import annotations

import asyncio
import io
import math
import threading
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import cv2
import numpy as np
from av.container import OutputContainer
from av.packet import Packet
from av.video.frame import VideoFrame as AvFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from numpy.typing import NDArray

from adapters.av.drawing import draw_faces
from adapters.av.opening import end_s, first_tick, main_video_stream, open_video
from adapters.av.shape import Display, fitted
from adapters.av.timing import PresentationTimes
from application.ports.video_annotator import FacesAt
from domain.errors import InvalidVideo
from domain.geometry import Size
from domain.image import Image

_TICKS_PER_S = 90_000
_BT709 = Colorspace.ITU709
_PROGRESS_EVERY_FRAMES = 15
_FOR_PLAYERS = {"movflags": "+faststart"}
"""The index first, so that a browser plays MP4 and MOV before it has the whole file."""
_QUALITY = {"crf": "20", "preset": "veryfast"}
_MAX_LAST_FRAME_S = 3600.0
"""Damaged files state days, more than an MP4 file can hold."""


class AvVideoAnnotator:
    """Fulfils the port ``VideoAnnotator`` with PyAV, on a thread of its own."""

    async def annotate(
        self, source: Path, target: Path, faces_at: FacesAt, on_progress: Callable[[float], None]
    ) -> None:
        """Write a copy with every frame and the audio, and with faces drawn; see the port."""
        cancelled = threading.Event()
        work = asyncio.create_task(
            asyncio.to_thread(_annotate, source, target, faces_at, on_progress, cancelled)
        )
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            cancelled.set()
            await asyncio.gather(work, return_exceptions=True)
            raise


def _annotate(
    source: Path,
    target: Path,
    faces_at: FacesAt,
    on_progress: Callable[[float], None],
    cancelled: threading.Event,
) -> None:
    container, *_ = open_video(source)
    with container:
        video = main_video_stream(container)
        audio = [stream for stream in container.streams.audio if stream.codec_context is not None]
        display = Display(float(video.sample_aspect_ratio or 1))
        try:
            options = {} if target.suffix.lower() == ".mkv" else _FOR_PLAYERS
            with av.open(f"file:{target.absolute()}", "w", options=options) as copy:
                writer = _Writer(copy)
                tracks = {stream.index: _AudioTrack(copy, stream) for stream in audio}
                tick_s = float(video.time_base or 0)
                start_s = first_tick(video) * tick_s
                stated_s = end_s(container, video)
                end_of_video_s = math.inf if stated_s is None else start_s + stated_s
                size: Size | None = None
                for number, item in enumerate(_frames_and_audio(container, video, audio)):
                    if cancelled.is_set():
                        return
                    if isinstance(item, Packet):
                        writer.write_audio(tracks[item.stream.index].copy(item))
                        continue
                    frame, tick = item
                    time_s = tick * tick_s
                    size = size or display.size_of(frame)
                    pixels = _whole(display.image_of(frame), size)
                    draw_faces(pixels, faces_at(time_s - start_s))
                    stays_s = min(
                        (frame.duration or 0) * tick_s, end_of_video_s - time_s, _MAX_LAST_FRAME_S
                    )
                    writer.write_frame(pixels, time_s, max(stays_s, 0.0))
                    if number % _PROGRESS_EVERY_FRAMES == 0:
                        on_progress(time_s - start_s)
                for track in tracks.values():
                    writer.write_audio(track.finish())
                writer.finish()
        except av.error.FFmpegError as error:
            raise OSError(error.errno or 0, error.strerror or str(error)) from error


class _AudioTrack:
    """An audio track of the copy: unchanged, or as AAC if the container cannot hold its codec."""

    def __init__(self, copy: OutputContainer, original: Any) -> None:
        self._encoder: Any = None
        if _can_hold(copy, original):
            self._stream: Any = copy.add_stream_from_template(original)
        else:
            self._stream = self._encoder = copy.add_stream("aac", rate=original.rate)
            self._stream.layout = "mono" if original.channels == 1 else "stereo"
        if "language" in original.metadata:
            self._stream.metadata["language"] = original.metadata["language"]
        self._keeps_lead_in = copy.format.name != "matroska"

    def copy(self, packet: Any) -> Iterator[Any]:
        """Yield the packets to write for a packet of the original; none if it is damaged."""
        if self._encoder is None:
            if not self._keeps_lead_in and (packet.pts or 0) + (packet.duration or 0) <= 0:
                # What comes before the beginning, as in a video that was cut, is not played. MP4
                # and MOV say so; MKV would play it.
                return
            packet.stream = self._stream
            yield packet
            return
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            return
        for frame in frames:
            yield from self._encoder.encode(frame)

    def finish(self) -> Iterator[Any]:
        """Yield the packets that the encoder still holds."""
        if self._encoder is not None:
            yield from self._encoder.encode()


def _can_hold(copy: OutputContainer, original: Any) -> bool:
    """Whether a file of this format can hold an audio track unchanged, so that players play it.

    Some formats refuse a track only when they write the header, so one is written into memory.
    """
    if copy.format.name == "mp4" and original.codec_context.name.startswith("pcm_"):
        return False  # the standard allows it there, but few players know that
    try:
        with av.open(io.BytesIO(), "w", format=copy.format.name) as trial:
            trial.add_stream_from_template(original)
            trial.start_encoding()
    except (ValueError, av.error.FFmpegError):
        return False
    return True


class _Writer:
    """Writes the copy: frames of one size, as H.264, and audio packets.

    The header, which contains the size, comes first in the file. So audio packets that come before
    the first frame wait for it.
    """

    def __init__(self, copy: OutputContainer) -> None:
        self._copy = copy
        self._stream: Any = copy.add_stream("libx264", options=_QUALITY)
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = Fraction(1, _TICKS_PER_S)
        # Stated in the file, because players guess it by the size of frames otherwise.
        self._stream.codec_context.color_range = ColorRange.MPEG
        self._stream.codec_context.colorspace = _BT709
        self._stream.codec_context.color_primaries = ColorPrimaries.BT709
        self._stream.codec_context.color_trc = ColorTrc.BT709
        self._size: tuple[int, int] | None = None
        self._waiting: list[Any] = []
        self._last_tick = -1
        self._end_tick = 0
        self._sound_ends: dict[int, tuple[int, int]] = {}

    def write_audio(self, packets: Iterable[Any]) -> None:
        """Write audio packets, or keep them until the size of frames is known."""
        for packet in packets:
            if packet.dts is None:
                continue
            self._put_behind_the_last(packet)
            if self._size is None:
                self._waiting.append(packet)
            else:
                self._copy.mux(packet)

    def _put_behind_the_last(self, packet: Any) -> None:
        """Let an audio packet that would not come later begin where the last one of its track ends.

        Times in fragments are inexact, and those of damaged files go back; the container rejects
        such times.
        """
        index = packet.stream.index
        if index in self._sound_ends:
            last, end = self._sound_ends[index]
            if packet.dts <= last:
                packet.dts = packet.pts = max(end, last + 1)
        self._sound_ends[index] = packet.dts, packet.dts + (packet.duration or 0)

    def write_frame(self, pixels: NDArray[np.uint8], time_s: float, duration_s: float) -> None:
        """Encode and write the next frame.

        Args:
            pixels: uint8 (height, width, 3), RGB; all of one size.
            time_s: when it is shown, in seconds.
            duration_s: for how long, if no other follows; 0 if unknown.
        """
        height, width = pixels.shape[0] // 2 * 2, pixels.shape[1] // 2 * 2
        if self._size is None:
            self._size = width, height
            self._stream.width, self._stream.height = width, height
            for packet in self._waiting:
                self._copy.mux(packet)
            self._waiting.clear()
        rgb = AvFrame.from_ndarray(np.ascontiguousarray(pixels[:height, :width]), format="rgb24")
        frame = rgb.reformat(
            format="yuv420p", dst_colorspace=_BT709, dst_color_range=ColorRange.MPEG, threads=1
        )
        # Damaged files have times that do not rise, which the encoder rejects.
        self._last_tick = max(round(time_s * _TICKS_PER_S), self._last_tick + 1)
        self._end_tick = self._last_tick + round(duration_s * _TICKS_PER_S)
        frame.pts, frame.time_base = self._last_tick, Fraction(1, _TICKS_PER_S)
        for packet in self._stream.encode(frame):
            self._copy.mux(packet)

    def finish(self) -> None:
        """Write what the encoder still holds.

        Raises:
            InvalidVideo: there was no frame.
        """
        if self._size is None:
            raise InvalidVideo("no frame of the video can be read", reason="damaged")
        packets = self._stream.encode()
        for packet in packets:
            # In recordings of a screen the last frame may stay for long. MP4 asks for it of the
            # packet that is decoded last, MKV of the one that is shown last.
            if packet is packets[-1] or packet.pts == self._last_tick:
                packet.duration = max(self._end_tick - packet.pts, packet.duration or 0)
            self._copy.mux(packet)


def _frames_and_audio(container: Any, video: Any, audio: list[Any]) -> Iterator[Any]:
    """Yield frames with their times in ticks, and audio packets, in the order of the file.

    Damaged ones are left out.
    """
    times = PresentationTimes(container, video)
    packets = container.demux(video, *audio)
    while True:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError:
            return
        if packet is None:
            return
        if packet.stream is not video:
            yield packet
            continue
        try:
            yield from times.decode(packet)
        except av.error.FFmpegError:
            continue


def _whole(image: Image, size: Size) -> NDArray[np.uint8]:
    """The pixels of a frame in the size of the video."""
    pixels = np.asarray(fitted(image, size).pixels, np.uint8)
    if pixels.shape[1::-1] == size:
        return pixels
    return np.asarray(cv2.resize(pixels, size), np.uint8)
