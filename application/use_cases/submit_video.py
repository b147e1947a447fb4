"""Accepting a user's recorded video."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from application.errors import StoreUnavailable
from application.ports.clock import Clock
from application.ports.video_reader import VideoReader
from application.ports.video_repository import VideoRepository
from application.ports.video_store import VideoStore
from application.work.cancellation import uninterrupted
from application.work.fair_semaphore import FairSemaphore
from domain.errors import NotFound
from domain.user import User
from domain.video import Sampling, Video, VideoLimits, VideoStatus

_PUT_WITHIN = timedelta(minutes=30)
_TAKING_PLACES = (VideoStatus.QUEUED, VideoStatus.RUNNING)

log = logging.getLogger(__name__)


class SubmitVideo:
    """Accepts a video, to be analysed in its turn.

    Args:
        repository: for the record.
        store: for the file.
        reader: checks that it is a video.
        limits: for one video, and for one user.
        clock: for the time.
        holder: this process; holds a video until its file is kept.
        submitted: called after a video was added.
    """

    def __init__(
        self,
        *,
        repository: VideoRepository,
        store: VideoStore,
        reader: VideoReader,
        limits: VideoLimits,
        clock: Clock,
        holder: str,
        submitted: Callable[[], None],
    ) -> None:
        self._repository = repository
        self._store = store
        self._reader = reader
        self._limits = limits
        self._clock = clock
        self._holder = holder
        self._submitted = submitted
        self._coming_in: Counter[str] = Counter()
        # An open file may need hundreds of megabytes, and opening one may take seconds, so files
        # take turns, and so do their senders.
        self._reading = FairSemaphore()

    @asynccontextmanager
    async def hold_place(self, user: User) -> AsyncIterator[None]:
        """Hold one of a user's places while a video is received, so that no upload is wasted.

        Raises:
            TooManyVideos: the user has as many unfinished videos as allowed.
        """
        self._coming_in[user.user_id] += 1
        try:
            # Videos that are being received are counted in ``_coming_in``.
            taken = await self._repository.newest(
                user.user_id, _TAKING_PLACES, limit=self._limits.max_unfinished
            )
            if len(taken) + self._coming_in[user.user_id] > self._limits.max_unfinished:
                raise self._limits.too_many()
            yield
        finally:
            self._coming_in[user.user_id] -= 1
            if not self._coming_in[user.user_id]:
                del self._coming_in[user.user_id]

    async def execute(
        self,
        user: User,
        chunks: AsyncIterator[bytes],
        *,
        filename: str | None,
        size_bytes: int,
        sampling: Sampling,
    ) -> Video:
        """Keep file and record; once this returns, a crash cannot lose the video.

        Args:
            user: the owner.
            chunks: the bytes of the file.
            filename: as the sender named it.
            size_bytes: of the file.
            sampling: which frames to analyse.

        Raises:
            VideoTooLarge, VideoTooLong: it exceeds the limits.
            InvalidVideo: it cannot be read.
            InvalidRequest: the part to analyse begins after the end.
            TooManyVideos: the user has as many unfinished videos as allowed.
            StoreUnavailable: it could not be stored, and nothing of it was kept.
        """
        self._limits.check_size(size_bytes)
        async with self._store.received(chunks) as path:
            async with self._reading.hold(user.sender), self._reader.open(path) as opened:
                facts = opened.facts
            self._limits.check_length(facts.start_s, facts.duration_s)
            sampling.check_within(facts.duration_s)
            video = Video(
                video_id=uuid4(),
                user_id=user.user_id,
                filename=filename,
                media_type=facts.media_type,
                size_bytes=size_bytes,
                submitted_at=self._clock.now(),
                sampling=sampling,
                width=facts.width,
                height=facts.height,
                duration_s=facts.duration_s,
                processed_s=sampling.from_s,
            )
            queued = await self._keep(video, path)
        self._submitted()
        return queued

    async def _keep(self, video: Video, path: Path) -> Video:
        # The record comes first: a file without a record could never be found and erased.
        now = self._clock.now()
        if not await self._repository.add(
            video,
            holder=self._holder,
            until=now + _PUT_WITHIN,
            limit=self._limits.max_unfinished,
        ):
            raise self._limits.too_many()
        try:
            await self._store.put(video.user_id, video.video_id, path)
            queued = replace(video, status=VideoStatus.QUEUED)
            if not await self._repository.update(queued, holder=self._holder, until=now):
                raise NotFound("the account was erased while the video came in")
        except BaseException:
            await uninterrupted(self._take_back(video))
            raise
        return queued

    async def _take_back(self, video: Video) -> None:
        try:
            await self._repository.cancel(video.video_id)
            await self._store.delete(video.user_id, video.video_id)
            await self._repository.delete(video.video_id)
        except StoreUnavailable as error:
            log.warning("the remains of video %s are erased later: %s", video.video_id, error)
