"""Reading cameras: devices of this machine, and RTSP cameras."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncGenerator
from urllib.parse import urlsplit

import av
import av.error
from av.container import InputContainer

from adapters.av.shape import WORKING_SIDE_PX, Display
from application.ports.video_reader import VideoFrame
from application.work.cancellation import uninterrupted
from domain.errors import InvalidRequest

_TIMEOUT_S = 5.0
"""For each wait for data; connecting and finding the first frame may take twice as long."""
_PICTURE_WITHIN_S = 30.0
"""Cameras send whole pictures every few seconds, and frames that build on them in between."""
_RTSP_OPTIONS = {
    "rtsp_transport": "tcp",
    "protocol_whitelist": "rtsp,rtp,tcp,udp",
    "timeout": str(round(_TIMEOUT_S * 1_000_000)),
    # Without measuring the frame rate: that takes seconds, and nothing needs it.
    "analyzeduration": "500000",
    "fpsprobesize": "0",
}


async def camera_frames(source: str) -> AsyncGenerator[VideoFrame, None]:
    """Yield the newest frame of a camera, again and again. Fulfils ``CameraFrames``.

    A thread of its own reads every frame, because a camera that is not read fills its buffers and
    sends old frames later.

    Args:
        source: the number of a device, or an address that begins with ``rtsp://``.

    Raises:
        InvalidRequest: the source is neither of the two.
        OSError: the camera cannot be reached, or it stopped sending.
    """
    address, input_format = _address_of(source)
    if input_format is None:
        await _check_host(address)
    reader = _CameraReader(address, input_format, asyncio.get_running_loop())
    thread = threading.Thread(target=reader.run, name="camera", daemon=True)
    thread.start()
    try:
        while (frame := await reader.newest()) is not None:
            yield frame
    finally:
        reader.stop()
        await uninterrupted(asyncio.to_thread(thread.join, 2 * _TIMEOUT_S))


class _CameraReader:
    """Reads a camera on a thread, and keeps the newest frame for the event loop."""

    def __init__(
        self, address: str, input_format: str | None, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._address = address
        self._input_format = input_format
        self._loop = loop
        self._stopped = threading.Event()
        self._changed = asyncio.Event()
        self._frame: VideoFrame | None = None
        self._has_ended = False
        self._error: OSError | None = None

    def stop(self) -> None:
        """Make ``run`` return; from any thread."""
        self._stopped.set()

    async def newest(self) -> VideoFrame | None:
        """Wait for a frame that was not returned yet; None if the camera has no more.

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
        """Read frames until ``stop`` is called or the camera ends; blocks its thread."""
        error: OSError | None = None
        try:
            with av.open(
                self._address,
                format=self._input_format,
                options=_RTSP_OPTIONS if self._input_format is None else {},
                timeout=(2 * _TIMEOUT_S, _TIMEOUT_S),
            ) as container:
                self._read(container)
        except av.error.ExitError:  # a wait was too long
            error = OSError(0, "it does not answer")
        except av.error.FFmpegError as failed:
            why = failed.strerror or str(failed)
            device = f"{self._address}: " if self._input_format else ""
            error = OSError(failed.errno or 0, f"{device}{why}")
        except OSError as failed:
            error = failed
        except (ValueError, IndexError):
            error = OSError(0, "it sends no frames")
        self._publish(None, has_ended=True, error=error)

    def _read(self, container: InputContainer) -> None:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        display = Display(pixel_aspect=1.0)
        started_s = time.monotonic()
        latest_s = started_s
        for packet in container.demux():  # sound too, which goes on where frames do not
            if self._stopped.is_set():
                return
            if time.monotonic() - latest_s > _PICTURE_WITHIN_S:
                raise OSError(0, "it sends no frame that can be read")
            if packet.stream is not stream:
                continue
            try:
                frames = stream.decode(packet)
            except av.error.InvalidDataError:
                continue
            for frame in frames:
                latest_s = time.monotonic()
                image = display.image_of(frame, WORKING_SIDE_PX)
                self._publish(VideoFrame(image, latest_s - started_s))

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
    """The address and the input format for FFmpeg; the format is None for RTSP."""
    if source.isdecimal():
        return f"/dev/video{int(source)}", "v4l2"
    if source.startswith(("rtsp://", "rtsps://")) and _names_host(source):
        return source, None
    raise InvalidRequest(
        "a camera is the number of a device, such as 0, or an address such as "
        "rtsp://camera.local/stream"
    )


def _names_host(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # not an address, or a port that is none
        return False


async def _check_host(address: str) -> None:
    """Look the host up, because FFmpeg calls an unknown one an error of input or output."""
    host = urlsplit(address).hostname
    try:
        await asyncio.get_running_loop().getaddrinfo(host, None)
    except socket.gaierror as error:
        raise OSError(error.errno, f"the host {host} was not found") from error
    except UnicodeError as error:
        raise OSError(0, f"{host} cannot be the name of a host") from error
