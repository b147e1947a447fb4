"""Watching a camera until stopped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from itertools import count
from typing import Protocol

from application.faces import EveryFace, FaceReader
from application.ports.clock import Clock
from application.ports.face_tracker import FaceTracker
from application.ports.video_reader import VideoFrame
from application.tracking.face_tracking import FaceTracking
from domain.session import TrackSummary
from domain.tracking import kept_from_px
from domain.video import AnalysedFrame

FIRST_PAUSE_S = 1.0
MAX_PAUSE_S = 30.0


CameraFrames = Callable[[str], AsyncGenerator[VideoFrame, None]]
"""Connects to a camera and yields its frames as they come, each once; those in between are dropped.

It takes the number of a device, or an address that begins with ``rtsp://``, and raises
``InvalidRequest`` for anything else. It raises ``OSError`` if the camera cannot be reached, or does
not answer any more. ``time_s`` counts from the first frame.
"""


@dataclass(frozen=True, slots=True)
class WatchSummary:
    """The summary of what was seen.

    Attributes:
        duration_s: from the beginning to the end.
        frames: how many were analysed.
        tracks: the faces, in the order they appeared.
    """

    duration_s: float
    frames: int
    tracks: tuple[TrackSummary, ...]


class WatchListener(Protocol):
    """Receives the progress."""

    async def analysed(self, frame: AnalysedFrame) -> None:
        """The next frame was analysed; ``time_s`` counts from the beginning."""
        ...

    async def lost(self, error: OSError, pause_s: float) -> None:
        """The camera does not answer; it is retried after a pause."""
        ...


class WatchCamera:
    """Analyses the newest frame of a camera again and again; reconnects after a failure."""

    def __init__(
        self,
        *,
        camera_frames: CameraFrames,
        face_reader: FaceReader,
        new_tracker: Callable[[], FaceTracker],
        clock: Clock,
        min_face_size_px: int,
    ) -> None:
        self._camera_frames = camera_frames
        self._face_reader = face_reader
        self._new_tracker = new_tracker
        self._clock = clock
        self._min_face_size_px = min_face_size_px
        self._search = EveryFace(min_face_size_px, also_from_px=kept_from_px(min_face_size_px))

    async def execute(
        self, source: str, listener: WatchListener, *, every_s: float, stop: asyncio.Event
    ) -> WatchSummary:
        """Watch until stopped.

        Args:
            source: the camera; see ``CameraFrames``.
            listener: receives the progress.
            every_s: seconds between two analysed frames, at least.
            stop: set it to end.

        Raises:
            InvalidRequest: the source is not a camera.
            InferenceUnavailable: detector or classifier cannot run.
            Exception: what the listener raises ends it.
        """
        started_s = self._clock.monotonic()
        tracking = FaceTracking(
            self._new_tracker(),
            every_s,
            min_face_size_px=self._min_face_size_px,
            frames_stay=False,
        )
        work = asyncio.create_task(self._watch(source, tracking, listener, started_s, every_s))
        enough = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({work, enough}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
        finally:
            for task in (work, enough):
                task.cancel()
            await asyncio.gather(work, enough, return_exceptions=True)
        duration_s = self._clock.monotonic() - started_s
        return WatchSummary(duration_s, tracking.frames, tracking.tracks())

    async def _watch(
        self,
        source: str,
        tracking: FaceTracking,
        listener: WatchListener,
        started_s: float,
        every_s: float,
    ) -> None:
        pause_s = FIRST_PAUSE_S
        for connection in count():
            async with aclosing(self._camera_frames(source)) as frames:
                # Only what the camera raises means that it is lost, and not what the listener does.
                while not isinstance(frame := await _next_of(frames), OSError):
                    pause_s = FIRST_PAUSE_S
                    began_s = self._clock.monotonic()
                    # After a gap the faces may be others, so a new connection is a new scene.
                    here = replace(frame, time_s=began_s - started_s, scene=connection)
                    faces = await self._face_reader.read(here.image, self._search)
                    await listener.analysed(tracking.take_now(here, faces))
                    rest_s = every_s - (self._clock.monotonic() - began_s)
                    await self._clock.sleep(max(rest_s, 0.0))
            await listener.lost(frame, pause_s)
            await self._clock.sleep(pause_s)
            pause_s = min(2 * pause_s, MAX_PAUSE_S)


async def _next_of(frames: AsyncGenerator[VideoFrame, None]) -> VideoFrame | OSError:
    try:
        return await anext(frames)
    except StopAsyncIteration:
        return OSError("it sends nothing more")
    except OSError as error:
        return error
