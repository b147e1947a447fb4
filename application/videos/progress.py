"""The progress of one video, and its frames that are not written yet."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from application.ports.clock import Clock
from application.ports.video_reader import VideoFacts
from application.ports.video_repository import VideoRepository
from domain.video import (
    AnalysedFrame,
    UnreadablePart,
    Video,
    VideoLimits,
    VideoStatus,
    with_unreadable_part,
)

HELD_FOR = timedelta(seconds=30)
"""How long a video stays with a process that does not renew its lease."""
FRAMES_AT_ONCE = 200
"""How many analysed frames are written together; after two seconds also fewer."""
_WRITTEN_EVERY_S = 2.0


class NotHeld(Exception):
    """The video was deleted, is being erased, or is held by another process."""


class VideoProgress:
    """Receives each analysed frame and writes the results. Fulfils ``VideoListener``.

    Args:
        video: as it was claimed.
        holder: who claimed it.
        limits: for the video, whatever its header said.
        repository: where the results are written.
        clock: for the time.
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
        self._starts_s = 0.0
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
    def has_frames(self) -> bool:
        """Whether a frame was analysed since the work began."""
        return self._frames > 0

    @property
    def processing_time_s(self) -> float:
        """Mean seconds of work per frame."""
        return self.worked_s / self._frames if self._frames else 0.0

    async def opened(self, facts: VideoFacts) -> None:
        """The video can be read."""
        self._starts_s = facts.start_s
        self.video = replace(
            self.video, width=facts.width, height=facts.height, duration_s=facts.duration_s
        )

    async def analysed(self, frame: AnalysedFrame) -> None:
        """The next frame was analysed.

        Raises:
            VideoTooLong: the video is longer than its header said.
            NotHeld, StoreUnavailable: see ``write``.
        """
        self._limits.check_length(self._starts_s, frame.time_s)
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

    async def unreadable(self, part: UnreadablePart) -> None:
        """A stretch cannot be read."""
        self.video = replace(
            self.video, unreadable_parts=with_unreadable_part(self.video.unreadable_parts, part)
        )

    async def beat(self) -> None:
        """Renew the lease, and write frames if they are due.

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
        """Write all frames that are not written yet.

        Raises:
            NotHeld: this process does not hold the video any more.
            StoreUnavailable: the frames are kept and written later.
        """
        async with self._writing:
            if self._is_left:
                raise NotHeld
            frames = tuple(self._unwritten)
            # After progress, as many attempts are allowed as at first.
            video = replace(self.video, attempts=0) if frames else self.video
            await self._update(video, frames, HELD_FOR)
            del self._unwritten[: len(frames)]
            self.video = replace(self.video, attempts=video.attempts)
            self._written_s = self._clock.monotonic()

    async def leave(self, video: Video, *, pause_s: float = 0.0) -> None:
        """Write the video and the rest of its frames, and end the lease.

        Args:
            video: in its new state.
            pause_s: seconds for which no process may claim it.

        Raises:
            NotHeld, StoreUnavailable: see ``write``.
        """
        async with self._writing:
            await self._update(video, tuple(self._unwritten), timedelta(seconds=pause_s))
            self._unwritten.clear()
            self._is_left = True
            self.video = video

    def attempted(self) -> Video:
        """The video, queued again after an attempt that counts."""
        return replace(self.video, status=VideoStatus.QUEUED, speed=None)

    def interrupted(self) -> Video:
        """The video, queued again without counting this attempt."""
        return replace(self.attempted(), attempts=max(self.video.attempts - 1, 0))

    async def _update(
        self, video: Video, frames: tuple[AnalysedFrame, ...], held_for: timedelta
    ) -> None:
        until = self._clock.now() + held_for
        if not await self._repository.update(
            video, holder=self._holder, until=until, frames=frames
        ):
            raise NotHeld
