"""The records of recorded videos, which are also the queue."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.video import AnalysedFrame, Video, VideoStatus


class VideoRepository(Protocol):
    """Keeps videos with their analysed frames. Every method may raise ``StoreUnavailable``.

    A process that works on a video holds it under a lease, which it renews before it ends. Holders
    are named ``instance/run``: an instance is the data folder of a process, and a run is new at
    each start.
    """

    async def add(self, video: Video, *, holder: str, until: datetime, limit: int) -> bool:
        """Keep a new video, held by this process; once this returns it survives a crash.

        Returns:
            False, having kept nothing, if its user has this many unfinished videos already.
        """
        ...

    async def get(self, video_id: UUID) -> Video | None:
        """The video, whoever owns it, or None."""
        ...

    async def newest(
        self, user_id: str, statuses: Collection[VideoStatus], *, limit: int
    ) -> Sequence[Video]:
        """The videos of a user in these states, those submitted last first, at most ``limit``."""
        ...

    async def claim(self, *, holder: str, now: datetime, until: datetime) -> Video | None:
        """Hold the next unfinished video that no process holds.

        The next video is the oldest one of the user whose last turn began or ended longest ago, or
        who had none. If several processes ask at once, only one of them gets it. A queued or
        running video is running from then on, with one more attempt.

        Returns:
            The video as it is now, or None if none waits.
        """
        ...

    async def end_turn(self, user_id: str, now: datetime) -> None:
        """Note that the work on a user's video has ended for now, whatever became of the video."""
        ...

    async def forget_turns(self, until: datetime) -> int:
        """Delete the notes of turns before a moment, and return how many there were."""
        ...

    async def update(
        self, video: Video, *, holder: str, until: datetime, frames: Sequence[AnalysedFrame] = ()
    ) -> bool:
        """Write a video that this holder holds, add frames to it, and renew the lease.

        The frames continue from the last one written. Frames that were written already may be
        repeated.

        Returns:
            False, having written no record, if the video was deleted, is being erased, or is held
            by another process.
        """
        ...

    async def cancel(self, video_id: UUID) -> bool:
        """Cancel a video and end its lease. Returns False when there is none."""
        ...

    def frames(self, video_id: UUID) -> AsyncIterator[Sequence[AnalysedFrame]]:
        """The frames of a video in order, in batches, each of them once."""
        ...

    async def others_wait(self, user_id: str, now: datetime) -> bool:
        """Whether a queued video of another user waits."""
        ...

    async def end_runs(self, instance_id: str) -> None:
        """End the leases of earlier runs of an instance."""
        ...

    async def delete(self, video_id: UUID) -> bool:
        """Delete a video and its frames. Returns False when there was none."""
        ...
