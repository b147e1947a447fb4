"""The use cases of a user's own history."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from uuid import UUID

from application.accounts.ownership import check_owner, require_owned
from application.errors import StoreUnavailable
from application.ports.detection_repository import DetectionRepository
from application.ports.detection_spool import DetectionSpool
from application.ports.image_store import ImageStore
from application.storing.retry_schedule import RetrySchedule
from application.use_cases.erase_videos import EraseVideos
from domain.detection import Detection, HistoryFilter, StorageStatus
from domain.errors import InvalidRequest
from domain.user import User

MAX_PAGE = 100

log = logging.getLogger(__name__)


class ReadHistory:
    """Shows users their own history, with what is still waiting to be stored."""

    def __init__(self, *, repository: DetectionRepository, spool: DetectionSpool) -> None:
        self._repository = repository
        self._spool = spool

    async def page(
        self, user: User, wanted: HistoryFilter | None = None, *, skip: int = 0, limit: int = 10
    ) -> tuple[int, AsyncIterator[Sequence[Detection]]]:
        """One page, newest first.

        Args:
            user: the owner.
            wanted: the filter; None for everything.
            skip: records to leave out at the front; 0 or more.
            limit: records on the page; 1 to ``MAX_PAGE``.

        Returns:
            How many records match in all, and the page's records, which are fetched as its parts
            are read; see ``DetectionRepository.iterate``.

        Raises:
            InvalidRequest: a bound is out of range, or the dates are the wrong way round.
        """
        if skip < 0:
            raise InvalidRequest("skip must be 0 or more", field="skip")
        if not 1 <= limit <= MAX_PAGE:
            raise InvalidRequest(f"limit must lie between 1 and {MAX_PAGE}", field="limit")
        wanted = wanted or HistoryFilter()
        _check_dates(wanted)
        total = await self._repository.count(user.user_id, wanted)
        return total, self._repository.iterate(user.user_id, wanted, skip=skip, limit=limit)

    def everything(self, user: User, wanted: HistoryFilter) -> AsyncIterator[Sequence[Detection]]:
        """All matching records, newest first, in parts; see ``DetectionRepository.iterate``.

        Raises:
            InvalidRequest: the dates are the wrong way round.
        """
        _check_dates(wanted)
        return self._repository.iterate(user.user_id, wanted)

    async def one(self, user: User, detection_id: UUID) -> Detection:
        """One record.

        Raises:
            NotFound: there is no such detection.
            Forbidden: it belongs to another user.
        """
        return require_owned(await self._repository.get(detection_id), user, "detection")

    async def status(self, user: User, detection_id: UUID) -> StorageStatus:
        """Where the storing of a detection stands; for one in the spool this works while the
        repository is down.

        Raises:
            NotFound: there is no such detection.
            Forbidden: it belongs to another user.
        """
        owner = await self._spool.owner(detection_id)
        if owner is not None:
            check_owner(owner, user, "detection")
            return StorageStatus.PENDING
        return (await self.one(user, detection_id)).storage


class EraseHistory:
    """Erases a user's own detections with their images, stored or still in the spool.

    For a recorded video, the file and the frames are erased as well.
    """

    def __init__(
        self,
        *,
        repository: DetectionRepository,
        spool: DetectionSpool,
        images: ImageStore,
        erase_videos: EraseVideos,
        retry_schedule: RetrySchedule,
    ) -> None:
        self._repository = repository
        self._spool = spool
        self._images = images
        self._erase_videos = erase_videos
        self._retry_schedule = retry_schedule

    async def one(self, user: User, detection_id: UUID) -> None:
        """Erase record and image.

        Raises:
            NotFound: there is no such detection.
            Forbidden: it belongs to another user.
        """
        # If the repository was down, only the spool may have it.
        owner = await self._spool.owner(detection_id)
        if owner is None:
            require_owned(await self._repository.get(detection_id), user, "detection")
            await self._erase_videos.of_detection(detection_id)
        else:
            check_owner(owner, user, "detection")
        await self._erase(user, detection_id)
        await self._wipe()

    async def everything(self, user: User) -> int:
        """Erase records, images and videos, unfinished ones included; returns how many there were.

        They are erased one after the other: if a store fails half way, what is left is intact and
        can be erased later.
        """
        count = await self._erase_videos.everything(user.user_id)
        for detection_id in await self._spool.waiting(user.user_id):
            count += await self._erase(user, detection_id)
        async for part in self._repository.iterate(user.user_id, HistoryFilter()):
            for detection in part:
                count += await self._erase(user, detection.detection_id)
        await self._wipe()
        return count

    async def _erase(self, user: User, detection_id: UUID) -> bool:
        is_waiting = await self._spool.owner(detection_id) is not None
        was_recorded = await self._erase_stored(user, detection_id)
        if not is_waiting:
            return was_recorded
        # Only now, because without its entry a waiting image would be lost if a store failed above.
        # An upload that ends later finds the entry gone and undoes itself; one that ended before is
        # erased here.
        await self._spool.remove(detection_id)
        try:
            return await self._erase_stored(user, detection_id) or was_recorded
        except BaseException:
            # The record is gone, so the caller cannot try again.
            self._retry_schedule.erase_later(detection_id, user.user_id)
            raise

    async def _erase_stored(self, user: User, detection_id: UUID) -> bool:
        # The record goes last: if the image store fails, the caller still sees it and can retry.
        await self._images.delete(user.user_id, detection_id)
        return await self._repository.delete(detection_id)

    async def _wipe(self) -> None:
        try:
            await self._repository.wipe()
        except StoreUnavailable as error:
            # It is deleted all the same, and ``ForgetExpired`` wipes it within a minute.
            log.warning("traces of deleted records may stay on the disk for a minute: %s", error)


def _check_dates(wanted: HistoryFilter) -> None:
    if wanted.from_date and wanted.to_date and wanted.from_date > wanted.to_date:
        raise InvalidRequest("from_date lies after to_date", field="from_date")
