"""Storing and erasing one detection in the repository, the image store and the spool."""

from __future__ import annotations

import logging
from uuid import UUID

from application.ports.detection_repository import DetectionRepository
from application.ports.detection_spool import DetectionSpool, SpooledDetection
from application.ports.image_store import ImageStore
from application.ports.telemetry import Telemetry
from application.ports.user_repository import UserRepository
from application.storing.retry_schedule import RetrySchedule
from domain.detection import Detection, StorageStatus

log = logging.getLogger(__name__)


class Delivery:
    """Stores a detection completely, or leaves nothing of it."""

    def __init__(
        self,
        *,
        spool: DetectionSpool,
        repository: DetectionRepository,
        users: UserRepository,
        images: ImageStore,
        retry_schedule: RetrySchedule,
        telemetry: Telemetry,
    ) -> None:
        self._spool = spool
        self._repository = repository
        self._users = users
        self._images = images
        self._retry_schedule = retry_schedule
        self._telemetry = telemetry

    async def record(self, detection: Detection) -> bool:
        """Add the record once: adding it again would undo a deletion that came in between.

        Returns:
            False, having added nothing, where the account was erased since the detection was made.
        """
        state = self._retry_schedule.state_of(detection.detection_id)
        if not state.recorded:
            end = await self._users.end_of(detection.user_id)
            erased_at = None if end is None else end.erased_at
            if erased_at is not None and detection.timestamp <= erased_at:
                return False
            await self._repository.add(detection)
            state.recorded = True
        return True

    async def deliver(self, entry: SpooledDetection) -> None:
        """Store record and image and remove the spool entry; erase what was deleted meanwhile."""
        detection = entry.detection
        exists = await self.record(detection)
        if exists and entry.image is not None:
            self._retry_schedule.state_of(detection.detection_id).owner_id = detection.user_id
            url = await self._images.put(detection.user_id, detection.detection_id, entry.image)
            exists = await self._repository.update_storage(detection.stored_at(url))
        if exists and await self._spool.remove(detection.detection_id):
            self._telemetry.count("detection_stored")
            return
        await self.erase(detection.user_id, detection.detection_id)

    async def erase(self, owner_id: str, key: UUID) -> None:
        """Leave nothing of a detection that was deleted; failures are retried."""
        state = self._retry_schedule.state_of(key)
        state.owner_id, state.is_unwanted = owner_id, True
        await self._images.delete(owner_id, key)
        await self._repository.delete(key)
        await self._spool.remove(key)

    async def give_up(self, detection: Detection, error: Exception) -> None:
        """Keep the record, and mark it as failed; erase what was deleted meanwhile."""
        exists = await self.record(detection)
        if exists:
            exists = await self._repository.update_storage(detection.storing_failed())
        if exists and await self._spool.remove(detection.detection_id):
            self._telemetry.count("detection_given_up")
            log.error(
                "the image of detection %s could not be stored and was given up: %s",
                detection.detection_id,
                error,
            )
            return
        await self.erase(detection.user_id, detection.detection_id)

    async def settle_without_entry(self, key: UUID) -> None:
        """Handle a detection without a spool entry: it was deleted, or could not be read."""
        await self._spool.remove(key)  # Otherwise it would be listed again and again.
        record = await self._repository.get(key)
        owner_id = self._retry_schedule.state_of(key).owner_id
        if record is None and owner_id is not None:
            await self.erase(owner_id, key)
        elif record is not None and record.storage is StorageStatus.PENDING:
            await self._repository.update_storage(record.storing_failed())
            log.warning("detection %s left the spool before it was stored", key)
