"""Copies of videos with faces drawn over the frames, and their sound."""

from __future__ import annotations

import asyncio
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
from adapters.av.opening import first_tick, opened, picture_stream
from adapters.av.shape import Display, is_rescaled
from adapters.av.timing import PresentationTimes
from application.ports.video_annotator import FacesAt
from domain.errors import InvalidVideo
from domain.image import Image

_TICKS = 90_000
_BT709 = Colorspace.ITU709
_REPORTED_EVERY = 15
_QUALITY = {"crf": "20", "preset": "veryfast"}


class AvVideoAnnotator:
    """Fulfils ``VideoAnnotator`` with PyAV, on a thread of its own."""

    async def annotate(
        self, source: Path, target: Path, faces_at: FacesAt, on_progress: Callable[[float], None]
    ) -> None:
        """Write a drawn copy; see the port."""
        ended = threading.Event()
        work = asyncio.create_task(
            asyncio.to_thread(_annotate, source, target, faces_at, on_progress, ended)
        )
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            ended.set()
            await asyncio.gather(work, return_exceptions=True)
            raise


def _annotate(
    source: Path,
    target: Path,
    faces_at: FacesAt,
    on_progress: Callable[[float], None],
    ended: threading.Event,
) -> None:
    container, _ = opened(source)
    with container:
        pictures = picture_stream(container)
        sounds = [sound for sound in container.streams.audio if sound.codec_context is not None]
        display = Display(float(pictures.sample_aspect_ratio or 1))
        try:
            with av.open(f"file:{target.absolute()}", "w") as copy:
                writer = _Writer(copy)
                tracks = {sound.index: _Sound(copy, sound) for sound in sounds}
                tick_s = float(pictures.time_base or 0)
                start_s = first_tick(pictures) * tick_s
                size: tuple[int, int] | None = None
                for number, item in enumerate(_items(container, pictures, sounds)):
                    if ended.is_set():
                        return
                    if isinstance(item, Packet):
                        writer.write_sound(tracks[item.stream.index].packets(item))
                        continue
                    frame, tick = item
                    time_s = tick * tick_s
                    size = size or display.size_of(frame)
                    pixels = _drawn(display.image_of(frame), size, faces_at(time_s - start_s))
                    writer.write(pixels, time_s)
                    if number % _REPORTED_EVERY == 0:
                        on_progress(time_s - start_s)
                for track in tracks.values():
                    writer.write_sound(track.rest())
                writer.finish()
        except av.error.FFmpegError as error:
            raise OSError(error.errno or 0, f"{target.name} cannot be written: {error}") from error


class _Sound:
    """A track of sound in the copy: as it is, or as AAC where the file cannot hold its codec."""

    def __init__(self, copy: OutputContainer, sound: Any) -> None:
        self._encoder: Any = None
        try:
            self._track: Any = copy.add_stream_from_template(sound)
        except ValueError:
            self._track = self._encoder = copy.add_stream("aac", rate=sound.rate)
            self._track.layout = "mono" if sound.channels == 1 else "stereo"

    def packets(self, packet: Any) -> Iterator[Any]:
        """What is written for a packet of the original."""
        if self._encoder is None:
            packet.stream = self._track
            yield packet
            return
        try:
            frames = packet.decode()
        except av.error.FFmpegError:  # damaged
            return
        for frame in frames:
            yield from self._encoder.encode(frame)

    def rest(self) -> Iterator[Any]:
        """What the encoder still holds."""
        if self._encoder is not None:
            yield from self._encoder.encode()


class _Writer:
    """Encodes frames of one size. Sound that comes before the first of them waits for it."""

    def __init__(self, copy: OutputContainer) -> None:
        self._copy = copy
        self._stream: Any = copy.add_stream("libx264", options=_QUALITY)
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = Fraction(1, _TICKS)
        # Said explicitly, because players guess it by the size of frames.
        self._stream.codec_context.color_range = ColorRange.MPEG
        self._stream.codec_context.colorspace = _BT709
        self._stream.codec_context.color_primaries = ColorPrimaries.BT709
        self._stream.codec_context.color_trc = ColorTrc.BT709
        self._size: tuple[int, int] | None = None
        self._waiting: list[Any] = []
        self._last = -1

    def write_sound(self, packets: Iterable[Any]) -> None:
        """Write packets of sound as soon as the file header was written."""
        for packet in packets:
            if self._size is None:
                self._waiting.append(packet)
            elif packet.dts is not None:
                self._copy.mux(packet)

    def write(self, pixels: NDArray[np.uint8], time_s: float) -> None:
        """Write the next frame."""
        height, width = pixels.shape[0] // 2 * 2, pixels.shape[1] // 2 * 2
        if self._size is None:
            self._size = width, height
            self._stream.width, self._stream.height = width, height
            for packet in self._waiting:
                if packet.dts is not None:
                    self._copy.mux(packet)
            self._waiting.clear()
        if (width, height) != self._size:
            pixels = np.asarray(cv2.resize(pixels, self._size), np.uint8)
        width, height = self._size
        rgb = AvFrame.from_ndarray(np.ascontiguousarray(pixels[:height, :width]), format="rgb24")
        frame = rgb.reformat(
            format="yuv420p", dst_colorspace=_BT709, dst_color_range=ColorRange.MPEG, threads=1
        )
        # Each frame is later than the one before, whatever the file says.
        self._last = max(round(time_s * _TICKS), self._last + 1)
        frame.pts, frame.time_base = self._last, Fraction(1, _TICKS)
        for packet in self._stream.encode(frame):
            self._copy.mux(packet)

    def finish(self) -> None:
        """Write what the encoder still holds."""
        if self._size is None:
            raise InvalidVideo("no frame of the video can be read", reason="damaged")
        for packet in self._stream.encode():
            self._copy.mux(packet)


def _items(container: Any, pictures: Any, sounds: list[Any]) -> Iterator[Any]:
    """Frames with their times in ticks, and packets of sound, in the order of the file; damaged
    ones are skipped.
    """
    times = PresentationTimes(container, pictures)
    packets = container.demux(pictures, *sounds)
    while True:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError:
            return
        if packet is None:
            return
        if packet.stream is not pictures:
            yield packet
            continue
        try:
            yield from times.decode(packet)
        except av.error.FFmpegError:
            continue


def _drawn(image: Image, size: tuple[int, int], faces: Any) -> NDArray[np.uint8]:
    pixels = np.asarray(image.pixels, np.uint8)
    if is_rescaled((image.width, image.height), size):
        pixels = np.asarray(cv2.resize(pixels, size), np.uint8)
    draw_faces(pixels, faces)
    return pixels
