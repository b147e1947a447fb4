"""The use cases of a user's own history."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from application.errors import StoreUnavailable
from application.ownership import check_owner, own
from application.ports.detection_repository import DetectionRepository
from application.ports.detection_spool import DetectionSpool
from application.ports.image_store import ImageStore, StoredImage
from application.ports.link_signer import LinkSignature, LinkSigner
from application.storing.backlog import Backlog
from application.videos.erasing import VideoErasure
from domain.detection import Detection, HistoryFilter, StorageStatus
from domain.errors import InvalidRequest, NotFound
from domain.user import User

MAX_PAGE = 100

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ListHistoryCommand:
    """A page of a user's history.

    Attributes:
        user: the owner.
        wanted: the filter.
        skip: records to leave out at the front; 0 or more.
        limit: records on the page; 1 to ``MAX_PAGE``.
    """

    user: User
    wanted: HistoryFilter = field(default_factory=HistoryFilter)
    skip: int = 0
    limit: int = 10


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """One page of a history.

    Attributes:
        parts: its records, newest first; see ``DetectionRepository.iterate``.
        total: how many records match in all.
    """

    parts: AsyncIterator[Sequence[Detection]]
    total: int


class ListHistory:
    """Shows a page of a user's own history."""

    def __init__(self, repository: DetectionRepository) -> None:
        self._repository = repository

    async def execute(self, command: ListHistoryCommand) -> HistoryPage:
        """Count the matching records; those of the page are fetched as its parts are read.

        Raises:
            InvalidRequest: a bound is out of range, or the dates are the wrong way round.
        """
        if command.skip < 0:
            raise InvalidRequest("skip must be 0 or more", field="skip")
        if not 1 <= command.limit <= MAX_PAGE:
            raise InvalidRequest(f"limit must lie between 1 and {MAX_PAGE}", field="limit")
        _check_dates(command.wanted)
        user_id, wanted = command.user.user_id, command.wanted
        total = await self._repository.count(user_id, wanted)
        parts = self._repository.iterate(user_id, wanted, skip=command.skip, limit=command.limit)
        return HistoryPage(parts, total)


class GetDetection:
    """Shows one of a user's own detections."""

    def __init__(self, repository: DetectionRepository) -> None:
        self._repository = repository

    async def execute(self, user: User, detection_id: UUID) -> Detection:
        """Fetch the record.

        Raises:
            NotFound: there is no such detection.
            Forbidden: it belongs to another user.
        """
        return own(await self._repository.get(detection_id), user, "detection")


class DeleteDetection:
    """Erases one of a user's own detections with its image, stored or still in the spool.

    For a recorded video, the file and the frames are erased as well.
    """

    def __init__(
        self,
        repository: DetectionRepository,
        spool: DetectionSpool,
        images: ImageStore,
        videos: VideoErasure,
        backlog: Backlog,
    ) -> None:
        self._repository = repository
        self._spool = spool
        self._images = images
        self._videos = videos
        self._backlog = backlog

    async def execute(self, user: User, detection_id: UUID) -> None:
        """Erase record and image.

        Raises:
            NotFound: there is no such detection.
            Forbidden: it belongs to another user.
        """
        # If the repository was down, only the spool may have it.
        owner = await self._spool.owner(detection_id)
        if owner is None:
            own(await self._repository.get(detection_id), user, "detection")
            await self._videos.erase_of_entry(detection_id)
        else:
            check_owner(owner, user, "detection")
        stores = self._repository, self._spool, self._images, self._backlog
        await _erase(*stores, user, detection_id)
        await _wipe(self._repository)


class DeleteHistory:
    """Erases everything kept for a user, unfinished videos included."""

    def __init__(
        self,
        repository: DetectionRepository,
        spool: DetectionSpool,
        images: ImageStore,
        videos: VideoErasure,
        backlog: Backlog,
    ) -> None:
        self._repository = repository
        self._spool = spool
        self._images = images
        self._videos = videos
        self._backlog = backlog

    async def execute(self, user: User) -> int:
        """Erase records, images and videos, one after the other; returns how many there were.

        If a store fails half way, what is left is intact and can be deleted later.
        """
        stores = self._repository, self._spool, self._images, self._backlog
        count = await self._videos.erase_all(user.user_id)
        for detection_id in await self._spool.waiting(user.user_id):
            count += await _erase(*stores, user, detection_id)
        async for part in self._repository.iterate(user.user_id, HistoryFilter()):
            for detection in part:
                count += await _erase(*stores, user, detection.detection_id)
        await _wipe(self._repository)
        return count


class ExportHistory:
    """Exports a user's history, a few records at a time."""

    def __init__(self, repository: DetectionRepository) -> None:
        self._repository = repository

    def execute(self, user: User, wanted: HistoryFilter) -> AsyncIterator[Sequence[Detection]]:
        """All matching records, newest first, in parts; see ``DetectionRepository.iterate``.

        Raises:
            InvalidRequest: the dates are the wrong way round.
        """
        _check_dates(wanted)
        return self._repository.iterate(user.user_id, wanted)


class GetStorageStatus:
    """Shows the storage status of a user's own detection."""

    def __init__(self, repository: DetectionRepository, spool: DetectionSpool) -> None:
        self._repository = repository
        self._spool = spool

    async def execute(self, user: User, detection_id: UUID) -> StorageStatus:
        """Look it up; for a detection in the spool this works while the repository is down.

        Raises:
            NotFound: there is no such detection.
            Forbidden: it belongs to another user.
        """
        owner = await self._spool.owner(detection_id)
        if owner is not None:
            check_owner(owner, user, "detection")
            return StorageStatus.PENDING
        return own(await self._repository.get(detection_id), user, "detection").storage


class ReadImage:
    """Fetches one of a user's own stored images."""

    def __init__(self, images: ImageStore) -> None:
        self._images = images

    async def execute(self, user: User, detection_id: UUID) -> StoredImage:
        """Fetch the image.

        Raises:
            NotFound: this user has no such image, whether or not another user has.
        """
        return await _stored(self._images, user.user_id, detection_id)


class OpenImageLink:
    """Fetches a stored image for a signed link."""

    def __init__(
        self, links: LinkSigner, repository: DetectionRepository, images: ImageStore
    ) -> None:
        self._links = links
        self._repository = repository
        self._images = images

    async def execute(self, path: str, signature: LinkSignature, detection_id: UUID) -> StoredImage:
        """Fetch the image.

        Args:
            path: the one that the link was made for.
            signature: of the link.
            detection_id: of the image under the path.

        Raises:
            InvalidLink: the link is forged, for another path, or has expired.
            NotFound: the image was erased.
        """
        self._links.check(path, signature)
        record = await self._repository.get(detection_id)
        if record is None:
            raise _no_image()
        return await _stored(self._images, record.user_id, detection_id)


async def _stored(images: ImageStore, owner_id: str, detection_id: UUID) -> StoredImage:
    image = await images.get(owner_id, detection_id)
    if image is None:
        raise _no_image()
    return image


def _no_image() -> NotFound:
    return NotFound("there is no such image")


async def _erase(
    repository: DetectionRepository,
    spool: DetectionSpool,
    images: ImageStore,
    backlog: Backlog,
    user: User,
    detection_id: UUID,
) -> bool:
    async def erase_stored() -> bool:
        # The record goes last: if the image store fails, the caller still sees it and can retry.
        await images.delete(user.user_id, detection_id)
        return await repository.delete(detection_id)

    is_waiting = await spool.owner(detection_id) is not None
    was_recorded = await erase_stored()
    if not is_waiting:
        return was_recorded
    # Only now, because without its entry a waiting image would be lost if a store failed above. An
    # upload that ends later finds the entry gone and undoes itself; one that ended before is erased
    # here.
    await spool.remove(detection_id)
    try:
        return await erase_stored() or was_recorded
    except BaseException:
        # The record is gone, so the caller cannot try again.
        backlog.erase_later(detection_id, user.user_id)
        raise


async def _wipe(repository: DetectionRepository) -> None:
    try:
        await repository.wipe()
    except StoreUnavailable as error:
        # It is deleted all the same, and ``ForgetExpired`` wipes it within a minute.
        log.warning("traces of deleted records may stay on the disk for a minute: %s", error)


def _check_dates(wanted: HistoryFilter) -> None:
    if wanted.from_date and wanted.to_date and wanted.from_date > wanted.to_date:
        raise InvalidRequest("from_date lies after to_date", field="from_date")
