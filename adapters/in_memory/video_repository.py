"""Recorded videos in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from adapters.in_memory.controllable import Controllable
from domain.video import AnalysedFrame, Video, VideoStatus


@dataclass(slots=True)
class _Kept:
    video: Video
    holder: str
    until: datetime
    frames: dict[int, AnalysedFrame] = field(default_factory=dict)

    @property
    def may_be_claimed(self) -> bool:
        return self.video.status not in (VideoStatus.DONE, VideoStatus.FAILED)


class InMemoryVideoRepository(Controllable):
    """Keeps videos and their frames in a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: dict[UUID, _Kept] = {}
        self._turns: dict[str, datetime] = {}

    async def add(self, video: Video, *, holder: str, until: datetime, limit: int) -> bool:
        await self._wait_or_fail()
        unfinished = [v for v in self._of(video.user_id) if not v.status.is_final]
        if len(unfinished) >= limit:
            return False
        self._kept[video.video_id] = _Kept(video, holder, until)
        return True

    async def get(self, video_id: UUID) -> Video | None:
        await self._wait_or_fail()
        kept = self._kept.get(video_id)
        return None if kept is None else kept.video

    async def newest(
        self, user_id: str, statuses: Collection[VideoStatus], *, limit: int
    ) -> Sequence[Video]:
        await self._wait_or_fail()
        found = [video for video in self._of(user_id) if video.status in statuses]
        return found[::-1][:limit]

    async def claim(self, *, holder: str, now: datetime, until: datetime) -> Video | None:
        await self._wait_or_fail()
        waiting = [k for k in self._kept.values() if k.may_be_claimed and k.until <= now]
        if not waiting:
            return None
        kept = min(waiting, key=self._rank)
        if kept.video.status in (VideoStatus.QUEUED, VideoStatus.RUNNING):
            attempts = kept.video.attempts + 1
            kept.video = replace(kept.video, status=VideoStatus.RUNNING, attempts=attempts)
        kept.holder, kept.until = holder, until
        self._turns[kept.video.user_id] = now
        return kept.video

    async def end_turn(self, user_id: str, now: datetime) -> None:
        """Note that the work on a user's video has ended for now."""
        await self._wait_or_fail()
        self._turns[user_id] = now

    async def forget_turns(self, until: datetime) -> int:
        await self._wait_or_fail()
        before = len(self._turns)
        self._turns = {user: at for user, at in self._turns.items() if at >= until}
        return before - len(self._turns)

    async def update(
        self, video: Video, *, holder: str, until: datetime, frames: Sequence[AnalysedFrame] = ()
    ) -> bool:
        await self._wait_or_fail()
        kept = self._kept.get(video.video_id)
        if kept is None or kept.holder != holder or kept.video.status.is_final:
            return False
        kept.video, kept.until = video, until
        kept.frames.update({frame.number: frame for frame in frames})
        return True

    async def cancel(self, video_id: UUID) -> bool:
        await self._wait_or_fail()
        kept = self._kept.get(video_id)
        if kept is None:
            return False
        kept.video = replace(kept.video, status=VideoStatus.CANCELLED, speed=None)
        kept.holder, kept.until = "", kept.video.submitted_at
        return True

    async def frames(self, video_id: UUID) -> AsyncIterator[Sequence[AnalysedFrame]]:
        await self._wait_or_fail()
        kept = self._kept.get(video_id)
        if kept is not None and kept.frames:
            yield [frame for _, frame in sorted(kept.frames.items())]

    async def others_wait(self, user_id: str, now: datetime) -> bool:
        await self._wait_or_fail()
        return any(
            kept.video.status is VideoStatus.QUEUED
            and kept.until <= now
            and kept.video.user_id != user_id
            for kept in self._kept.values()
        )

    async def end_runs(self, instance_id: str) -> None:
        await self._wait_or_fail()
        for kept in self._kept.values():
            if kept.holder.startswith(f"{instance_id}/"):
                kept.holder, kept.until = "", kept.video.submitted_at

    async def delete(self, video_id: UUID) -> bool:
        await self._wait_or_fail()
        return self._kept.pop(video_id, None) is not None

    def _of(self, user_id: str) -> list[Video]:
        videos = [kept.video for kept in self._kept.values() if kept.video.user_id == user_id]
        return sorted(videos, key=lambda video: (video.submitted_at, video.video_id))

    def _rank(self, kept: _Kept) -> tuple[float, datetime, UUID]:
        turn = self._turns.get(kept.video.user_id)
        served_at = 0.0 if turn is None else turn.timestamp()
        return served_at, kept.video.submitted_at, kept.video.video_id
