"""Accepting detections for storing."""

from __future__ import annotations

import logging

from application.errors import StoreUnavailable
from application.ports.detection_spool import DetectionSpool, SpooledDetection
from application.ports.image_store import StoredImage
from application.ports.telemetry import Telemetry
from application.storing.delivery import Delivery
from application.storing.retry_schedule import RetrySchedule
from application.work.cancellation import uninterrupted
from application.work.timeouts import CallerTimeout
from domain.detection import Detection

log = logging.getLogger(__name__)


class Spooler:
    """Accepts detections so that a crash cannot lose them."""

    def __init__(
        self,
        *,
        spool: DetectionSpool,
        delivery: Delivery,
        retry_schedule: RetrySchedule,
        telemetry: Telemetry,
    ) -> None:
        self._spool = spool
        self._delivery = delivery
        self._retry_schedule = retry_schedule
        self._telemetry = telemetry
        self._timeout = CallerTimeout()

    async def accept(self, detection: Detection, image: StoredImage | None) -> None:
        """Accept a detection; once this returns, a crash cannot lose it.

        A repository that is down or slow delays the record and not the answer. If the caller is
        cancelled meanwhile, the detection is accepted as a whole or not at all.

        Args:
            detection: the record.
            image: to be stored with it; None if there is only a record.

        Raises:
            StoreUnavailable: this host's spool is full or broken.
        """
        await uninterrupted(self._accept(SpooledDetection(detection, image)))

    async def _accept(self, entry: SpooledDetection) -> None:
        key = entry.detection.detection_id
        self._retry_schedule.take(key)
        with self._telemetry.stage("store"):
            try:
                await self._spool.put(entry)
            except BaseException:
                self._retry_schedule.release(key)
                raise
            try:
                await self._timeout.wait(self._record_first(entry.detection))
            except StoreUnavailable as error:
                log.warning("a record waits in the spool: %s", error)

    async def _record_first(self, detection: Detection) -> None:
        """Add the record of what was just put into the spool; the carrier waits until then."""
        key = detection.detection_id
        try:
            recorded = await self._delivery.record(detection)
            if not recorded or await self._spool.owner(key) is None:
                # Everything was deleted meanwhile.
                await self._delivery.erase(detection.user_id, key)
        finally:
            self._retry_schedule.release(key)
