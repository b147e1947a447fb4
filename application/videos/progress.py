"""How far the work on one video is, and what of it is not written down yet."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from application.ports.clock import Clock
from application.ports.video_reader import VideoFacts
from application.ports.video_repository import VideoRepository
from application.videos.analysis import AnalysedFrame
from application.videos.limits import VideoLimits
from domain.video import Damage, Video, VideoStatus

HELD_FOR = timedelta(seconds=30)
"""How long a video stays with a process that says nothing."""
FRAMES_AT_ONCE = 200
"""So many analysed frames are written down together, or those of two seconds."""
_WRITTEN_EVERY_S = 2.0


class NotHeld(Exception):
    """The video is gone, is being erased, or is worked on by somebody else."""


class VideoProgress:
    """Hears of each analysed frame, and writes down what came out. Fulfils ``VideoListener``.

    Args:
        video: as it was claimed.
        holder: who claimed it.
        limits: what a video may have, whatever its header said.
        repository: where it is written down.
        clock: tells when.
    """

    def __init__(
        self,
        video: Video,
        *,
        holder: str,
        limits: VideoLimits,
        repository: VideoRepository,
        clock: Clock,
    ) -> None:
        self.video = video
        self._holder = holder
        self._limits = limits
        self._repository = repository
        self._clock = clock
        self._started_s = clock.monotonic()
        self._written_s = self._started_s
        self._first_s: float | None = None
        self._frames = 0
        self._unwritten: list[AnalysedFrame] = []
        self._writing = asyncio.Lock()
        self._is_left = False

    @property
    def worked_s(self) -> float:
        """Seconds since the work began."""
        return self._clock.monotonic() - self._started_s

    @property
    def processing_time_s(self) -> float:
        """Seconds of work a frame, in the mean."""
        return self.worked_s / self._frames if self._frames else 0.0

    async def opened(self, facts: VideoFacts) -> None:
        """The video can be read."""
        self.video = replace(
            self.video, width=facts.width, height=facts.height, duration_s=facts.duration_s
        )

    async def analysed(self, frame: AnalysedFrame) -> None:
        """The next frame is done.

        Raises:
            VideoTooLong: the video goes on longer than its header said.
            NotHeld, StoreUnavailable: see ``write``.
        """
        self._limits.check_time(frame.time_s)
        self._first_s = frame.time_s if self._first_s is None else self._first_s
        self._frames += 1
        self._unwritten.append(frame)
        worked_s = self.worked_s
        self.video = replace(
            self.video,
            width=frame.width,
            height=frame.height,
            processed_s=frame.time_s,
            frames_analysed=frame.number + 1,
            speed=(frame.time_s - self._first_s) / worked_s if worked_s > 0 else None,
        )
        if len(self._unwritten) >= FRAMES_AT_ONCE:
            await self.write()

    async def damaged(self, damage: Damage) -> None:
        """A stretch cannot be read."""
        self.video = replace(self.video, damages=(*self.video.damages, damage))

    async def beat(self) -> None:
        """Say that the work goes on, and write frames down where it is time to.

        Raises:
            NotHeld, StoreUnavailable: see ``write``.
        """
        due_s = self._written_s + _WRITTEN_EVERY_S
        if self._unwritten and self._clock.monotonic() >= due_s:
            await self.write()
            return
        async with self._writing:
            if self._is_left:
                raise NotHeld
            await self._update(self.video, (), HELD_FOR)

    async def write(self) -> None:
        """Write all frames down that are not yet.

        Raises:
            NotHeld: there is nobody any more to write them down for.
            StoreUnavailable: they are kept to be written later.
        """
        async with self._writing:
            if self._is_left:
                raise NotHeld
            frames = tuple(self._unwritten)
            # Whoever got on may fail as often as before.
            video = replace(self.video, attempts=0) if frames else self.video
            await self._update(video, frames, HELD_FOR)
            del self._unwritten[: len(frames)]
            self.video = replace(self.video, attempts=video.attempts)
            self._written_s = self._clock.monotonic()

    async def leave(self, video: Video, *, pause_s: float = 0.0) -> None:
        """Write the video and what is left of its frames, and hold it no longer.

        Args:
            video: in the state that it is left in.
            pause_s: nobody takes it up for so long.

        Raises:
            NotHeld, StoreUnavailable: see ``write``.
        """
        async with self._writing:
            await self._update(video, tuple(self._unwritten), timedelta(seconds=pause_s))
            self._unwritten.clear()
            self._is_left = True
            self.video = video

    def interrupted(self) -> Video:
        """The video as one that waits to be worked on again; what was tried does not count."""
        attempts = max(self.video.attempts - 1, 0)
        return replace(self.video, status=VideoStatus.QUEUED, attempts=attempts, speed=None)

    async def _update(
        self, video: Video, frames: tuple[AnalysedFrame, ...], held_for: timedelta
    ) -> None:
        until = self._clock.now() + held_for
        if not await self._repository.update(
            video, holder=self._holder, until=until, frames=frames
        ):
            raise NotHeld
