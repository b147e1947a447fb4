"""Reading the wanted frames of video files, upright, with their presentation times."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from enum import Enum
from pathlib import Path

import av
import av.error
from av.video.frame import VideoFrame as AvFrame

from adapters.av.cuts import CutDetector
from adapters.av.opening import opened, picture_stream
from adapters.av.sampling import Sampler
from adapters.av.shape import shown_size, upright
from adapters.inference.executor import WorkExecutor
from application.cancellation import uninterrupted
from application.ports.video_reader import OpenVideo, VideoFacts, VideoFrame
from application.work import Priority
from domain.errors import InvalidVideo, VideoTooLarge
from domain.image import Image
from domain.video import Damage

_FIRST_FRAME_PACKETS = 300
_HIGHEST_RATE = 240


class _End(Enum):
    END = "end"


class AvVideoReader:
    """Fulfils the port ``VideoReader`` with PyAV: right presentation times, rotation, and errors.

    Args:
        executor: where decoding runs, with lower priority than images and live sessions.
        max_pixels: of a frame.
        working_side_px: the longer side of frames is at most this long; detectors do not use more.
    """

    def __init__(
        self,
        *,
        executor: WorkExecutor,
        max_pixels: int = 3840 * 2160,
        working_side_px: int = 1280,
    ) -> None:
        self._executor = executor
        self._max_pixels = max_pixels
        self._working_side_px = working_side_px

    @asynccontextmanager
    async def open(self, path: Path) -> AsyncIterator[OpenVideo]:
        """Open a file for the length of a block; see the port."""
        run = self._executor.run
        video = await run(
            _AvVideo,
            self._executor,
            path,
            self._max_pixels,
            self._working_side_px,
            priority=Priority.BACKGROUND,
        )
        try:
            yield video
        finally:
            await uninterrupted(asyncio.to_thread(video.close))


class _AvVideo:
    def __init__(
        self, executor: WorkExecutor, path: Path, max_pixels: int, working_side_px: int
    ) -> None:
        self._executor = executor
        self._max_pixels = max_pixels
        self._working_side_px = working_side_px
        # A cancelled caller leaves a thread reading, and the file must stay open meanwhile.
        self._turn = threading.Lock()
        self._closed = False
        self._container, self._media_type = opened(path)
        try:
            self._stream = picture_stream(self._container)
            self._stream.codec_context.thread_count = 1  # the executor bounds the threads
            self._stream.codec_context.options = {"max_pixels": str(max_pixels)}
            self._check_size(self._stream.codec_context.width, self._stream.codec_context.height)
            # Few files have pixels that are not square; a wrong header must not stretch frames far.
            aspect = float(self._stream.sample_aspect_ratio or 1)
            self._aspect = aspect if 0.1 <= aspect <= 10 else 1.0
            self.facts = self._facts(self._first_frame())
        except BaseException:
            self._container.close()
            raise

    async def frames(
        self, *, every_s: float, from_s: float = 0.0, to_s: float | None = None
    ) -> AsyncIterator[VideoFrame | Damage]:
        """Give the frames that are wanted; see the port."""
        sampler = Sampler(self._container, self._stream, self.facts, every_s, from_s, to_s)
        items = self._read(sampler)
        run = self._executor.run
        while not isinstance(
            item := await run(self._next, items, priority=Priority.BACKGROUND), _End
        ):
            if item is not None:
                yield item

    def close(self) -> None:
        """Close the file once no thread reads it; blocks until then."""
        with self._turn:
            self._closed = True
            self._container.close()

    def _next(
        self, items: Iterator[VideoFrame | Damage | None]
    ) -> VideoFrame | Damage | _End | None:
        with self._turn:
            return _End.END if self._closed else next(items, _End.END)

    def _read(self, sampler: Sampler) -> Iterator[VideoFrame | Damage | None]:
        cuts = CutDetector()
        for item in sampler.items():
            if isinstance(item, tuple):
                frame, time_s = item
                self._check_size(frame.width, frame.height)
                pixels, width, height, scale = upright(frame, self._aspect, self._working_side_px)
                image = Image(pixels, width, height, "video", scale=scale)
                yield VideoFrame(image, time_s, cuts.scene_of(pixels))
            else:
                yield item

    def _first_frame(self) -> AvFrame:
        for count, packet in enumerate(self._container.demux(self._stream)):
            try:
                for frame in packet.decode():
                    self._container.seek(0)
                    return frame
            except av.error.FFmpegError:
                pass
            if count >= _FIRST_FRAME_PACKETS:
                break
        raise InvalidVideo("no frame of the video can be read", reason="damaged")

    def _facts(self, first: AvFrame) -> VideoFacts:
        width, height = shown_size(first, self._aspect)
        stream, container = self._stream, self._container
        duration_s = None
        if stream.duration is not None and stream.time_base is not None:
            duration_s = float(stream.duration * stream.time_base)
        elif container.duration is not None:
            duration_s = container.duration / 1_000_000
        rate = stream.average_rate
        return VideoFacts(
            width=width,
            height=height,
            duration_s=duration_s,
            # Some AVI files give their clock rate as the frame rate.
            frame_rate=float(rate) if rate and rate <= _HIGHEST_RATE else None,
            codec=stream.codec_context.name,
            media_type=self._media_type,
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
