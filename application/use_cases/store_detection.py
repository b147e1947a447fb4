"""Keeping detections: answered at once, stored for certain.

A detection is first put into the spool of this host and its record into the repository; then the
caller gets the answer. The image follows in the background, as often as it takes. A crash loses
nothing: on the next start the spool still holds whatever had not arrived.
"""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from application.errors import StoreUnavailable
from application.ports.clock import Clock
from application.ports.detection_repository import DetectionRepository
from application.ports.detection_spool import DetectionSpool, SpooledDetection
from application.ports.image_store import ImageStore, StoredImage
from application.ports.telemetry import Telemetry
from domain.detection import Detection

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Retry:
    attempts: int
    at: float


class StoreDetection:
    """Takes detections in and carries them to the repository and the image store."""

    def __init__(
        self,
        *,
        spool: DetectionSpool,
        repository: DetectionRepository,
        images: ImageStore,
        clock: Clock,
        telemetry: Telemetry,
        give_up_after_s: float,
        first_retry_s: float = 1.0,
        longest_retry_s: float = 300.0,
        uploads_at_once: int = 4,
    ) -> None:
        self._spool = spool
        self._repository = repository
        self._images = images
        self._clock = clock
        self._telemetry = telemetry
        self._give_up_after = timedelta(seconds=give_up_after_s)
        self._first_retry_s = first_retry_s
        self._longest_retry_s = longest_retry_s
        self._uploads = asyncio.Semaphore(uploads_at_once)
        self._arrived = asyncio.Event()
        self._retries: dict[UUID, _Retry] = {}

    async def accept(self, detection: Detection, image: StoredImage) -> None:
        """Take a detection in; once this returns, a crash cannot lose it.

        A repository that is down delays the record and not the answer.

        Raises:
            StoreUnavailable: this host's spool is full or broken.
        """
        with self._telemetry.stage("store"):
            await self._spool.put(SpooledDetection(detection, image))
            try:
                await self._repository.add(detection)
            except StoreUnavailable as error:
                log.warning("record waits in the spool: %s", error)
        self._arrived.set()

    async def run(self) -> None:
        """Carry what waits, beginning with what an earlier run left; ends only when cancelled."""
        while True:
            self._arrived.clear()
            try:
                wait_s = await self.carry_due()
            except StoreUnavailable as error:
                log.warning("the spool cannot be read: %s", error)
                wait_s = self._first_retry_s
            try:
                async with asyncio.timeout(wait_s):
                    await self._arrived.wait()
            except TimeoutError:
                continue

    async def carry_due(self) -> float | None:
        """Try everything whose time has come, once.

        Returns:
            Seconds until the next retry is due; None when nothing waits.
        """
        now = self._clock.monotonic()
        waiting = await self._spool.waiting()
        self._retries = {key: self._retries[key] for key in waiting if key in self._retries}
        due = [key for key in waiting if key not in self._retries or self._retries[key].at <= now]
        await asyncio.gather(*(self._carry(key) for key in due))
        upcoming = [retry.at for retry in self._retries.values()]
        return max(min(upcoming) - self._clock.monotonic(), 0.0) if upcoming else None

    async def _carry(self, detection_id: UUID) -> None:
        async with self._uploads:
            entry = await self._spool.get(detection_id)
            if entry is None:
                return
            try:
                with self._telemetry.stage("upload"):
                    await self._deliver(entry)
            except StoreUnavailable as error:
                await self._try_later(entry, error)

    async def _deliver(self, entry: SpooledDetection) -> None:
        detection = entry.detection
        await self._repository.add(detection)
        url = await self._images.put(detection.user_id, detection.detection_id, entry.image)
        stands = await self._repository.update_storage(detection.stored_at(url))
        # Whoever deletes takes the spool entry first: if it is gone, or the record is, while the
        # upload was under way, the deletion wins and nothing may be left behind.
        if not await self._spool.remove(detection.detection_id) or not stands:
            await self._repository.delete(detection.detection_id)
            await self._images.delete(detection.user_id, detection.detection_id)
            return
        self._retries.pop(detection.detection_id, None)
        self._telemetry.detection_stored(ok=True)

    async def _try_later(self, entry: SpooledDetection, error: StoreUnavailable) -> None:
        detection = entry.detection
        if self._clock.now() - detection.timestamp >= self._give_up_after:
            await self._give_up(detection, error)
            return
        previous = self._retries.get(detection.detection_id)
        attempts = previous.attempts + 1 if previous else 1
        # Exponential backoff with full jitter (Brooker, 2015, "Exponential Backoff And Jitter"),
        # the lower half cut off so that a retry is never immediate.
        ceiling = min(self._first_retry_s * 2 ** (attempts - 1), self._longest_retry_s)
        wait_s = random.uniform(ceiling / 2, ceiling)
        self._retries[detection.detection_id] = _Retry(attempts, self._clock.monotonic() + wait_s)
        log.warning(
            "detection %s not stored yet (attempt %d): %s", detection.detection_id, attempts, error
        )

    async def _give_up(self, detection: Detection, error: StoreUnavailable) -> None:
        try:
            await self._repository.update_storage(detection.storing_failed())
        except StoreUnavailable:
            return  # Nobody could be told, so it stays in the spool.
        await self._spool.remove(detection.detection_id)
        self._retries.pop(detection.detection_id, None)
        self._telemetry.detection_stored(ok=False)
        log.error("detection %s was given up: %s", detection.detection_id, error)
