"""Stores that are slow, busy or broken, and what a test does with them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from uuid import UUID

from adapters.in_memory import (
    InMemoryDetectionRepository,
    InMemoryDetectionSpool,
    InMemoryImageStore,
)
from application.errors import StoreUnavailable
from application.ports.detection_spool import SpooledDetection
from application.ports.image_store import StoredImage
from domain.detection import Detection, HistoryFilter
from tests.samples import records_of
from tests.unit.application.service import Service

DOWN = StoreUnavailable("the store does not answer")


class SlowImageStore(InMemoryImageStore):
    """Is slow with one image, and may report failure although it was stored."""

    def __init__(self) -> None:
        super().__init__()
        self.slow: UUID | None = None
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()
        self.claims_to_fail = False

    async def put(self, owner_id: str, detection_id: UUID, image: StoredImage) -> str:
        if detection_id == self.slow:
            self.begun.set()
            await self.go_on.wait()
        url = await super().put(owner_id, detection_id, image)
        if self.claims_to_fail:
            raise DOWN
        return url


class BrokenImageStore(InMemoryImageStore):
    """Has a bug with one image."""

    broken: UUID | None = None

    async def put(self, owner_id: str, detection_id: UUID, image: StoredImage) -> str:
        if detection_id == self.broken:
            raise KeyError("a bug")
        return await super().put(owner_id, detection_id, image)


class SlowToAddRepository(InMemoryDetectionRepository):
    """Is slow with new records only."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()

    async def add(self, detection: Detection) -> None:
        self.begun.set()
        await self.go_on.wait()
        await super().add(detection)


class BusyRepository(InMemoryDetectionRepository):
    """Calls a function right after the history was read."""

    after_reading: Callable[[], Awaitable[object]] | None = None

    async def iterate(
        self, user_id: str, wanted: HistoryFilter, *, skip: int = 0, limit: int | None = None
    ) -> AsyncIterator[Sequence[Detection]]:
        async for part in super().iterate(user_id, wanted, skip=skip, limit=limit):
            yield part
        if self.after_reading:
            await self.after_reading()


class BusyEraser(InMemoryDetectionRepository):
    """Calls a function right before or after the first record is erased."""

    before_erasing: Callable[[], Awaitable[object]] | None = None
    after_erasing: Callable[[], Awaitable[object]] | None = None

    async def delete(self, detection_id: UUID) -> bool:
        before, after = self.before_erasing, self.after_erasing
        self.before_erasing = self.after_erasing = None
        if before:
            await before()
        was_there = await super().delete(detection_id)
        if after:
            await after()
        return was_there


class GhostlySpool(InMemoryDetectionSpool):
    """Lists entries whose files were removed."""

    looked = 0

    async def get(self, detection_id: UUID) -> SpooledDetection | None:
        self.looked += 1
        return None


async def delete_one(service: Service, record: Detection) -> None:
    await service.erase.one(service.alice, record.detection_id)


async def records_of_alice(service: Service) -> Sequence[Detection]:
    return await records_of(service.repository)


async def nothing_is_left(service: Service) -> bool:
    waiting, records = await service.spool.waiting(), await records_of_alice(service)
    return not waiting and not records and len(service.images) == 0
