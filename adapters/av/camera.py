"""Cameras: devices of this machine, and RTSP cameras."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator

import av
import av.error
from av.container import InputContainer

from adapters.av.shape import Display
from application.ports.video_reader import VideoFrame
from application.work.cancellation import uninterrupted
from domain.errors import InvalidRequest

_SILENCE_S = 5.0
_RTSP = {
    "rtsp_transport": "tcp",
    "protocol_whitelist": "rtsp,rtp,tcp,udp",
    "timeout": str(round(_SILENCE_S * 1_000_000)),
    "analyzeduration": "500000",  # the frame rate, which takes long to find out, is of no interest
    "fpsprobesize": "0",
}


async def camera_frames(
    source: str, *, working_side_px: int = 1280
) -> AsyncGenerator[VideoFrame, None]:
    """Fulfils ``FramesOf``. A thread reads all frames, and only the newest is kept.

    Args:
        source: the number of a device, or an address that begins with ``rtsp://``.
        working_side_px: the longer side of frames is at most this long.
    """
    address, kind = _address_of(source)
    reading = _Reading(address, kind, working_side_px, asyncio.get_running_loop())
    thread = threading.Thread(target=reading.run, name="camera", daemon=True)
    thread.start()
    try:
        while (frame := await reading.newest()) is not None:
            yield frame
    finally:
        reading.stop()
        await uninterrupted(asyncio.to_thread(thread.join, 2 * _SILENCE_S))


class _Reading:
    """The reading thread, and the newest frame it has read."""

    def __init__(
        self, address: str, kind: str | None, side_px: int, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._address = address
        self._kind = kind
        self._side_px = side_px
        self._loop = loop
        self._stopped = threading.Event()
        self._changed = asyncio.Event()
        self._frame: VideoFrame | None = None
        self._has_ended = False
        self._error: OSError | None = None

    def stop(self) -> None:
        """Stop reading."""
        self._stopped.set()

    async def newest(self) -> VideoFrame | None:
        """Wait for a frame that was not taken yet; None at the end.

        Raises:
            OSError: the camera cannot be reached, or stopped sending.
        """
        while self._frame is None and not self._has_ended:
            self._changed.clear()
            await self._changed.wait()
        frame, self._frame = self._frame, None
        if frame is None and self._error is not None:
            raise self._error
        return frame

    def run(self) -> None:
        """Read until stopped; runs on its own thread."""
        error: OSError | None = None
        try:
            options = _RTSP if self._kind is None else {}
            with av.open(
                self._address,
                format=self._kind,
                options=options,
                timeout=(2 * _SILENCE_S, _SILENCE_S),
            ) as container:
                self._read(container)
        except av.error.FFmpegError as failed:
            error = OSError(failed.errno or 0, failed.strerror or str(failed))
        except OSError as failed:
            error = failed
        except (ValueError, IndexError):
            error = OSError(0, "it sends no frames")
        self._publish(None, has_ended=True, error=error)

    def _read(self, container: InputContainer) -> None:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        display = Display(aspect=1.0)
        started_s = time.monotonic()
        for packet in container.demux(stream):
            if self._stopped.is_set():
                return
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                continue
            for frame in frames:
                image = display.image_of(frame, self._side_px)
                self._publish(VideoFrame(image, time.monotonic() - started_s))

    def _publish(
        self, frame: VideoFrame | None, *, has_ended: bool = False, error: OSError | None = None
    ) -> None:
        def put() -> None:
            self._frame = frame or self._frame
            self._has_ended, self._error = has_ended, error
            self._changed.set()

        try:
            self._loop.call_soon_threadsafe(put)
        except RuntimeError:  # the loop is closed
            self._stopped.set()


def _address_of(source: str) -> tuple[str, str | None]:
    """The address for FFmpeg, and the input format; None for RTSP."""
    if source.isdecimal():
        return f"/dev/video{int(source)}", "v4l2"
    if source.startswith(("rtsp://", "rtsps://")):
        return source, None
    raise InvalidRequest(
        "a camera is the number of a device, such as 0, or an address that begins with rtsp://"
    )
