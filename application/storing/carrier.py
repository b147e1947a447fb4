"""Moving detections from the spool to the stores, with retries."""

from __future__ import annotations

import asyncio
import logging
from uuid import UUID

from application.errors import StoreCircuitOpen, unexpected
from application.ports.detection_spool import DetectionSpool, SpooledDetection
from application.ports.telemetry import Telemetry
from application.storing.delivery import Delivery
from application.storing.retry_schedule import RetrySchedule

log = logging.getLogger(__name__)


class Carrier:
    """Stores the entries of the spool in the background.

    Args:
        spool: where detections wait.
        delivery: stores a detection.
        retry_schedule: knows which are due.
        telemetry: times the uploads.
        give_up_after_s: seconds after which an image that keeps failing is given up.
        uploads_at_once: how many are stored at the same time.
    """

    def __init__(
        self,
        *,
        spool: DetectionSpool,
        delivery: Delivery,
        retry_schedule: RetrySchedule,
        telemetry: Telemetry,
        give_up_after_s: float,
        uploads_at_once: int = 4,
    ) -> None:
        self._spool = spool
        self._delivery = delivery
        self._retry_schedule = retry_schedule
        self._telemetry = telemetry
        self._give_up_after_s = give_up_after_s
        self._slots = asyncio.Semaphore(uploads_at_once)

    async def run(self) -> None:
        """Store waiting entries, also those of an earlier run; ends only when cancelled."""
        async with asyncio.TaskGroup() as uploads:
            while True:
                self._retry_schedule.clear_changed()
                try:
                    await self.begin_due(uploads)
                    wait_s = self._retry_schedule.next_due_in_s()
                except Exception as error:
                    log.warning("the spool cannot be read: %s", error, exc_info=unexpected(error))
                    wait_s = self._retry_schedule.first_retry_s
                await self._retry_schedule.changed(wait_s)

    async def begin_due(self, uploads: asyncio.TaskGroup) -> None:
        """Start to store everything that is due, each as soon as an upload slot is free.

        Args:
            uploads: runs the work; failures are retried and never raised.

        Raises:
            StoreUnavailable: the spool cannot be read.
        """
        known = self._retry_schedule.known()
        for key in self._retry_schedule.due(await self._spool.waiting(), known):
            await self._slots.acquire()
            self._retry_schedule.take(key)
            uploads.create_task(self._carry(key))

    async def _carry(self, key: UUID) -> None:
        try:
            state = self._retry_schedule.state_of(key)
            if state.is_unwanted and state.owner_id is not None:
                await self._delivery.erase(state.owner_id, key)
            elif (entry := await self._spool.get(key)) is not None:
                await self._deliver_or_give_up(entry)
            else:
                await self._delivery.settle_without_entry(key)
            self._retry_schedule.forget(key)
        except Exception as error:
            # Whatever the error is, it must not stop the other uploads.
            attempts = self._retry_schedule.retry_later(key)
            log.warning(
                "detection %s not stored yet (attempt %d): %s",
                key,
                attempts,
                error,
                exc_info=unexpected(error),
            )
        finally:
            self._slots.release()
            self._retry_schedule.release(key)

    async def _deliver_or_give_up(self, entry: SpooledDetection) -> None:
        detection = entry.detection
        key = detection.detection_id
        try:
            with self._telemetry.stage("upload"):
                await self._delivery.deliver(entry)
        except Exception as error:
            if await self._spool.owner(key) is None:
                # It was deleted meanwhile, and an upload that failed may have been stored.
                await self._delivery.erase(detection.user_id, key)
            elif entry.image is None:
                raise  # Only an image is given up: the failure is noted in its record.
            elif isinstance(error, StoreCircuitOpen):
                raise  # The store was not called, so nothing failed.
            elif self._retry_schedule.failing_for_s(key) >= self._give_up_after_s:
                await self._delivery.give_up(detection, error)
            else:
                raise
