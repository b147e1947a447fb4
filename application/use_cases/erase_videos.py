"""Erasing users' recorded videos."""

from __future__ import annotations

import logging
from uuid import UUID

from application.errors import StoreUnavailable
from application.ports.detection_repository import DetectionRepository
from application.ports.video_repository import VideoRepository
from application.ports.video_store import VideoStore
from application.use_cases.read_videos import require_owned_video
from domain.user import User
from domain.video import Video, VideoStatus

_AT_ONCE = 100
"""How many records are read together: users may have any number of finished videos."""

log = logging.getLogger(__name__)


class EraseVideos:
    """Ends the work on videos and erases file, entry in the history, record and frames."""

    def __init__(
        self, *, repository: VideoRepository, store: VideoStore, history: DetectionRepository
    ) -> None:
        self._repository = repository
        self._store = store
        self._history = history

    async def one(self, user: User, video_id: UUID) -> None:
        """Erase one of a user's own videos.

        Raises:
            NotFound, Forbidden: see ``ReadVideos.one``.
            StoreUnavailable: see ``erase``.
        """
        await self.erase(await require_owned_video(self._repository, user, video_id))
        try:
            await self._history.wipe()
        except StoreUnavailable as error:
            log.warning("traces of a video may stay on the disk for a minute: %s", error)

    async def erase(self, video: Video) -> bool:
        """Erase a video; False if it was erased already.

        If a store fails half way, the video stays as a cancelled one, and is erased later.

        Raises:
            StoreUnavailable: a store does not answer.
        """
        # First, so that no process continues to work on it. The record goes last, so that the rest
        # can still be found after a failure.
        if not await self._repository.cancel(video.video_id):
            return False
        await self._store.delete(video.user_id, video.video_id)
        await self._history.delete(video.video_id)
        return await self._repository.delete(video.video_id)

    async def of_detection(self, detection_id: UUID) -> None:
        """Erase the video of an entry in the history, if it has one.

        Raises:
            StoreUnavailable: a store does not answer.
        """
        video = await self._repository.get(detection_id)
        if video is not None:
            await self.erase(video)

    async def everything(self, user_id: str) -> int:
        """Erase every video of a user; returns how many there were.

        Raises:
            StoreUnavailable: a store does not answer.
        """
        erased = 0
        while videos := await self._repository.newest(user_id, tuple(VideoStatus), limit=_AT_ONCE):
            erased += sum([await self.erase(video) for video in videos])
        return erased
