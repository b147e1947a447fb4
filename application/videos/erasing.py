"""Erasing videos and everything that belongs to them."""

from __future__ import annotations

from uuid import UUID

from application.ports.detection_repository import DetectionRepository
from application.ports.video_repository import VideoRepository
from application.ports.video_store import VideoStore
from domain.video import Video


class VideoErasure:
    """Ends the work on videos and erases file, entry in the history, record and frames."""

    def __init__(
        self, repository: VideoRepository, store: VideoStore, history: DetectionRepository
    ) -> None:
        self._repository = repository
        self._store = store
        self._history = history

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

    async def erase_of_entry(self, detection_id: UUID) -> None:
        """Erase the video of an entry in the history, if it has one.

        Raises:
            StoreUnavailable: a store does not answer.
        """
        video = await self._repository.get(detection_id)
        if video is not None:
            await self.erase(video)

    async def erase_all(self, user_id: str) -> int:
        """Erase every video of a user; returns how many there were.

        Raises:
            StoreUnavailable: a store does not answer.
        """
        videos = await self._repository.of_user(user_id)
        return sum([await self.erase(video) for video in videos])
