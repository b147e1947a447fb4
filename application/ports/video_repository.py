"""The records of recorded videos: what is to be done, by whom, and what came out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from application.videos.analysis import AnalysedFrame
from domain.video import Video


class VideoRepository(Protocol):
    """Keeps videos with their analysed frames. Every method may raise ``StoreUnavailable``.

    Whoever works on a video holds it until a moment, and says so again before that moment comes.
    Holders are named ``place/run``: a place is the folder a process keeps its data in, a run is
    new with each start.
    """

    async def add(self, video: Video, *, holder: str, until: datetime, limit: int) -> bool:
        """Keep a new video, held; once this returns it survives a crash of the process.

        Returns:
            False, having kept nothing, where its user has as many videos that are not finished.
        """
        ...

    async def get(self, video_id: UUID) -> Video | None:
        """The video, whoever owns it, or None."""
        ...

    async def of_user(self, user_id: str) -> Sequence[Video]:
        """All videos of a user, in the order they were submitted."""
        ...

    async def claim(self, *, holder: str, now: datetime, until: datetime) -> Video | None:
        """Hold the next video that is not finished and that nobody holds now.

        Next is one of the user who was served longest ago, and of that user's the one submitted
        first. Of several that ask at once only one gets a video. One that was queued or running is
        running from here on, with one attempt more.

        Returns:
            The video as it is now, or None where nothing waits.
        """
        ...

    async def update(
        self, video: Video, *, holder: str, until: datetime, frames: Sequence[AnalysedFrame] = ()
    ) -> bool:
        """Write a video that this holder holds, add frames to it, and hold it until then.

        Frames go on where those before ended. Frames that are there already may come again.

        Returns:
            False, having written no record, where the video is gone, is being erased, or is held
            by another.
        """
        ...

    async def cancel(self, video_id: UUID) -> bool:
        """Let a video be cancelled and held by nobody. Returns False when there is none."""
        ...

    def frames(self, video_id: UUID) -> AsyncIterator[Sequence[AnalysedFrame]]:
        """The frames of a video in order, bit by bit, each of them once."""
        ...

    async def others_wait(self, user_id: str, now: datetime) -> bool:
        """Whether a queued video of another user waits for somebody to work on it."""
        ...

    async def end_runs(self, place: str) -> None:
        """End what earlier runs of a place hold."""
        ...

    async def delete(self, video_id: UUID) -> bool:
        """Forget a video and its frames. Returns False when there was none."""
        ...
