"""Keeping detections: answered at once, stored for certain.

A detection is first put into the spool of this host and its record into the repository; then the
caller gets the answer, which does not wait for a repository that is down or slow. The image, if one
is kept, follows in the background, as often as it takes. A crash loses nothing: on the next start
the spool still holds whatever had not arrived.

Deleting beats storing. Whoever deletes takes the spool entry too; an upload under way finds it gone
and undoes itself.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from application.cancellation import uninterrupted
from application.errors import StoreLeftAlone, StoreUnavailable
from application.patience import Patience
from application.ports.clock import Clock
from application.ports.detection_repository import DetectionRepository
from application.ports.detection_spool import DetectionSpool, SpooledDetection
from application.ports.image_store import ImageStore, StoredImage
from application.ports.telemetry import Telemetry
from application.ports.user_repository import UserRepository
from domain.detection import Detection, StorageStatus

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Progress:
    """How far a waiting detection has come.

    Attributes:
        recorded: the repository has had its record; if it is not there any more it was deleted.
        attempts: that failed so far.
        failing_since: the first of them that asked the stores, on the monotonic clock.
        due_at: when to try again, on the monotonic clock.
        unwanted: the detection, once it was deleted and an upload has to be undone.
    """

    recorded: bool = False
    attempts: int = 0
    failing_since: float | None = None
    due_at: float = 0.0
    unwanted: Detection | None = None


class StoreDetection:
    """Takes detections in and carries them to the repository and the image store."""

    def __init__(
        self,
        *,
        spool: DetectionSpool,
        repository: DetectionRepository,
        users: UserRepository,
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
        self._users = users
        self._images = images
        self._clock = clock
        self._telemetry = telemetry
        self._give_up_after_s = give_up_after_s
        self._first_retry_s = first_retry_s
        self._longest_retry_s = longest_retry_s
        self._patience = Patience()
        self._places = asyncio.Semaphore(uploads_at_once)
        self._changed = asyncio.Event()
        self._in_work: set[UUID] = set()
        self._progress: dict[UUID, _Progress] = {}

    async def accept(self, detection: Detection, image: StoredImage | None) -> None:
        """Take a detection in; once this returns, a crash cannot lose it.

        A repository that is down or slow delays the record and not the answer. A caller that is
        cancelled meanwhile leaves the detection either taken in as a whole or not at all.

        Args:
            detection: the record.
            image: to be stored with it; None where the record is all there is.

        Raises:
            StoreUnavailable: this host's spool is full or broken.
        """
        await uninterrupted(self._accept(SpooledDetection(detection, image)))

    async def run(self) -> None:
        """Carry what waits, beginning with what an earlier run left; ends only when cancelled."""
        async with asyncio.TaskGroup() as uploads:
            while True:
                self._changed.clear()
                try:
                    await self._start(await self._due(), uploads)
                    wait_s = self._next_due_in_s()
                except Exception as error:
                    expected = isinstance(error, StoreUnavailable)
                    log.warning("the spool cannot be read: %s", error, exc_info=not expected)
                    wait_s = self._first_retry_s
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await self._changed.wait()

    async def carry_due(self) -> float | None:
        """Try everything whose time has come, once, and wait for the outcome.

        Returns:
            Seconds until the next retry is due; None when nothing waits.

        Raises:
            StoreUnavailable: the spool cannot be read.
        """
        due = await self._due()
        async with asyncio.TaskGroup() as uploads:
            await self._start(due, uploads)
        return self._next_due_in_s()

    async def _accept(self, entry: SpooledDetection) -> None:
        key = entry.detection.detection_id
        self._in_work.add(key)
        with self._telemetry.stage("store"):
            try:
                await self._spool.put(entry)
            except BaseException:
                self._leave(key)
                raise
            try:
                await self._patience.wait(self._record_first(entry.detection))
            except StoreUnavailable as error:
                log.warning("record waits in the spool: %s", error)

    async def _record_first(self, detection: Detection) -> None:
        """Add the record of what was just put into the spool; until then nobody carries it."""
        key = detection.detection_id
        try:
            recorded = await self._record(detection)
            if not recorded or await self._spool.owner(key) is None:
                await self._erase(detection)  # Everything was deleted meanwhile.
        finally:
            self._leave(key)

    async def _due(self) -> Sequence[UUID]:
        known = set(self._progress)
        waiting = await self._spool.waiting()
        # Only of what was known before the question was asked does the answer say all.
        left = known.intersection(self._progress).difference(waiting, self._in_work)
        unwanted = [key for key in left if self._progress[key].unwanted]
        for key in left.difference(unwanted):
            del self._progress[key]
        now, fresh = self._clock.monotonic(), _Progress()
        return [
            key
            for key in [*waiting, *unwanted]
            if key not in self._in_work and self._progress.get(key, fresh).due_at <= now
        ]

    async def _start(self, due: Sequence[UUID], uploads: asyncio.TaskGroup) -> None:
        """Begin to carry these; a task is only made once there is a place for it."""
        for key in due:
            await self._places.acquire()
            self._in_work.add(key)
            uploads.create_task(self._carry(key))

    def _next_due_in_s(self) -> float | None:
        resting = [p.due_at for key, p in self._progress.items() if key not in self._in_work]
        return max(min(resting) - self._clock.monotonic(), 0.0) if resting else None

    async def _carry(self, key: UUID) -> None:
        try:
            progress = self._progress.get(key)
            if progress and progress.unwanted:
                await self._erase(progress.unwanted)
            elif (entry := await self._spool.get(key)) is not None:
                await self._deliver_or_give_up(entry)
            else:
                await self._mark_lost(key)
            self._progress.pop(key, None)
        except Exception as error:
            # Whatever it is, it must not stop the others.
            self._try_later(key, error)
        finally:
            self._places.release()
            self._leave(key)

    def _leave(self, key: UUID) -> None:
        """Let others carry it, and have them look."""
        self._in_work.discard(key)
        self._changed.set()

    async def _deliver_or_give_up(self, entry: SpooledDetection) -> None:
        detection = entry.detection
        try:
            with self._telemetry.stage("upload"):
                await self._deliver(entry)
        except Exception as error:
            if await self._spool.owner(detection.detection_id) is None:
                # Deleted meanwhile, and an upload that seemed to fail may have arrived.
                await self._erase(detection)
            elif entry.image is None:
                raise  # Only an image is ever given up: without its record nothing could say so.
            elif isinstance(error, StoreLeftAlone):
                raise  # Nothing was tried that could have failed.
            elif self._failing_for_s(detection.detection_id) >= self._give_up_after_s:
                await self._give_up(detection, error)
            else:
                raise

    def _failing_for_s(self, key: UUID) -> float:
        """Since its first failure in this run: a host that was off for long has tried nothing."""
        now = self._clock.monotonic()
        progress = self._progress.setdefault(key, _Progress())
        if progress.failing_since is None:
            progress.failing_since = now
        return now - progress.failing_since

    async def _deliver(self, entry: SpooledDetection) -> None:
        detection = entry.detection
        stands = await self._record(detection)
        if stands and entry.image is not None:
            url = await self._images.put(detection.user_id, detection.detection_id, entry.image)
            stands = await self._repository.update_storage(detection.stored_at(url))
        if stands and await self._spool.remove(detection.detection_id):
            self._telemetry.detection_stored(ok=True)
            return
        await self._erase(detection)

    async def _record(self, detection: Detection) -> bool:
        """Add the record once: adding it again would undo a deletion that came in between.

        Returns:
            False, having added nothing, where the account was erased since the detection was made.
        """
        progress = self._progress.setdefault(detection.detection_id, _Progress())
        if not progress.recorded:
            end = await self._users.end_of(detection.user_id)
            erased_at = None if end is None else end.erased_at
            if erased_at is not None and detection.timestamp <= erased_at:
                return False
            await self._repository.add(detection)
            progress.recorded = True
        return True

    async def _erase(self, detection: Detection) -> None:
        """Leave nothing of a detection that was deleted; what fails is tried again."""
        key = detection.detection_id
        self._progress.setdefault(key, _Progress()).unwanted = detection
        await self._images.delete(detection.user_id, key)
        await self._repository.delete(key)
        await self._spool.remove(key)

    async def _give_up(self, detection: Detection, error: Exception) -> None:
        if not await self._record(detection):
            await self._erase(detection)
            return
        await self._repository.update_storage(detection.storing_failed())
        await self._spool.remove(detection.detection_id)
        self._telemetry.detection_stored(ok=False)
        log.error("detection %s was given up: %s", detection.detection_id, error)

    async def _mark_lost(self, key: UUID) -> None:
        """The spool has no entry any more: it is being deleted, or could not be read."""
        await self._spool.remove(key)  # Lest it is listed, and looked for, for ever.
        record = await self._repository.get(key)
        if record is not None and record.storage is StorageStatus.PENDING:
            await self._repository.update_storage(record.storing_failed())
            log.warning("detection %s left the spool before it was stored", key)

    def _try_later(self, key: UUID, error: Exception) -> None:
        progress = self._progress.setdefault(key, _Progress())
        progress.attempts += 1
        # Exponential backoff with full jitter (Brooker, 2015, "Exponential Backoff And Jitter"),
        # the lower half cut off so that a retry is never immediate.
        doublings = min(progress.attempts - 1, 32)
        ceiling = min(self._first_retry_s * 2**doublings, self._longest_retry_s)
        progress.due_at = self._clock.monotonic() + random.uniform(ceiling / 2, ceiling)
        expected = isinstance(error, StoreUnavailable)
        log.warning(
            "detection %s not stored yet (attempt %d): %s",
            key,
            progress.attempts,
            error,
            exc_info=not expected,
        )
