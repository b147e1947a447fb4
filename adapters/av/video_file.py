"""Reading one video file: its metadata, and the wanted frames with their presentation times.

``adapters.av.video_reader`` runs this in a process of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import av.error
import numpy as np
from av.packet import Packet
from av.video.frame import VideoFrame as AvFrame
from av.video.stream import VideoStream

from adapters.av.cuts import CutDetector
from adapters.av.opening import end_s, main_video_stream, open_video
from adapters.av.sampling import Sampler
from adapters.av.shape import WORKING_SIDE_PX, Display, fitted
from application.ports.video_reader import VideoFacts, VideoFrame
from domain.errors import InvalidVideo, VideoTooLarge
from domain.video import UnreadablePart

_MAX_PACKETS_TO_FIRST_FRAME = 2000
"""A recording may begin in the middle of a group of pictures, which may last ten seconds or more
and cannot be decoded without its beginning."""
_MAX_KEPT_BYTES = 32 * 2**20
_PADDING = 2
"""FFmpeg's limit must be higher: it counts the pixels of a frame with padding, a width of 2160 as
2176."""
_MAX_FRAME_RATE = 240


class VideoFile:
    """A video that is open for reading, once and from front to back; blocks.

    Args:
        path: of the file.
        max_pixels: how many pixels a frame may have.
        cpu_s: CPU time for the whole file, besides ten seconds for each second that it plays.

    Attributes:
        facts: the metadata of the file.

    Raises:
        InvalidVideo, VideoTooLarge, OSError: see ``VideoReader.open``.
    """

    def __init__(self, path: Path, *, max_pixels: int, cpu_s: float) -> None:
        self._cpu_s = cpu_s
        self._max_pixels = max_pixels
        self._path = path
        self._container, self._media_type, self._lost = open_video(path)
        self._stream = main_video_stream(self._container)
        self._stream.codec_context.thread_count = 1  # other work shares the processors
        self._stream.codec_context.options = {"max_pixels": str(_PADDING * max_pixels)}
        self._check_size(self._stream.codec_context.width, self._stream.codec_context.height)
        self._display = Display(float(self._stream.sample_aspect_ratio or 1))
        self._read_already: list[Packet[VideoStream]] = []
        self.facts = self._facts(self._first_frame())

    def items(
        self, *, every_s: float, from_s: float, to_s: float | None
    ) -> Iterator[VideoFrame | UnreadablePart | None]:
        """Yield the wanted frames and the damaged stretches, in order; see ``OpenVideo.frames``.

        After each 0.1 s of CPU time it yields None, so that the caller can do something else.

        Raises:
            VideoTooLarge: a frame has more than ``max_pixels``.
        """
        cuts = CutDetector(every_s)
        sampler = Sampler(
            self._path,
            self._container,
            self._lost,
            self._read_already,
            self._stream,
            self.facts,
            every_s,
            from_s,
            to_s,
            cpu_s=self._cpu_s,
        )
        for item in sampler.items():
            if isinstance(item, tuple):
                frame, time_s = item
                self._check_size(frame.width, frame.height)
                image = self._display.image_of(frame, WORKING_SIDE_PX)
                image = fitted(image, (self.facts.width, self.facts.height))
                yield VideoFrame(image, time_s, cuts.scene_of(np.asarray(image.pixels)))
            else:
                yield item

    def _first_frame(self) -> AvFrame:
        """Read up to the first frame; what was read is kept, and read anew if it is much.

        In a file that consists of several edits, FFmpeg may seek to a later one.
        """
        for packet in islice(self._container.demux(self._stream), _MAX_PACKETS_TO_FIRST_FRAME):
            if packet.size > 0:
                self._read_already.append(packet)
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                continue
            if frames:
                if sum(packet.size for packet in self._read_already) > _MAX_KEPT_BYTES:
                    self._read_already = []
                    self._container.seek(0)
                self._stream.codec_context.flush_buffers()
                return frames[0]
        raise InvalidVideo("no frame of the video can be read", reason="damaged")

    def _facts(self, first: AvFrame) -> VideoFacts:
        width, height = self._display.size_of(first)
        stream, container = self._stream, self._container
        rate = stream.average_rate
        return VideoFacts(
            width=width,
            height=height,
            duration_s=end_s(container, stream),
            # Some AVI files state the rate of their clock as the frame rate.
            frame_rate=float(rate) if rate and rate <= _MAX_FRAME_RATE else None,
            media_type=self._media_type,
            start_s=max(float((stream.start_time or 0) * (stream.time_base or 0)), 0.0),
        )

    def _check_size(self, width: int, height: int) -> None:
        if width * height > self._max_pixels:
            raise VideoTooLarge(
                f"the video has frames of {width} x {height} pixels; at most "
                f"{self._max_pixels / 1e6:.1f} megapixels are decoded",
                width=width,
                height=height,
                limit=self._max_pixels,
            )
