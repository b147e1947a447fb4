"""Storing and deleting with concurrent calls and random failures."""

import asyncio
import contextlib
import random
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.in_memory import (
    InMemoryDetectionRepository,
    InMemoryDetectionSpool,
    InMemoryImageStore,
)
from adapters.system.clock import SystemClock
from application.errors import StoreUnavailable
from application.ports.image_store import StoredImage
from domain.detection import HistoryFilter, StorageStatus
from domain.errors import NotFound
from tests.samples import records_of
from tests.unit.application.service import PHOTO, Service


class Strain:
    """The behaviour of ports: every call takes a few turns of the loop, and some fail."""

    def __init__(self, seed: int, failing: float) -> None:
        self.chance = random.Random(seed)
        self.failing = failing

    async def call(self) -> None:
        for _ in range(self.chance.randrange(4)):
            await asyncio.sleep(0)
        self.maybe_fail()

    def maybe_fail(self) -> None:
        if self.chance.random() < self.failing:
            raise StoreUnavailable("down for a moment")


class StrainedImageStore(InMemoryImageStore):
    def __init__(self, strain: Strain) -> None:
        super().__init__()
        self.strain = strain

    async def _wait_or_fail(self) -> None:
        await self.strain.call()

    async def put(self, owner_id: str, detection_id: UUID, image: StoredImage) -> str:
        url = await super().put(owner_id, detection_id, image)
        await self.strain.call()  # It may have been stored although the call failed.
        return url


class StrainedRepository(InMemoryDetectionRepository):
    def __init__(self, strain: Strain) -> None:
        super().__init__()
        self.strain = strain

    async def _wait_or_fail(self) -> None:
        await self.strain.call()


class StrainedSpool(InMemoryDetectionSpool):
    """A slow spool that does not fail."""

    def __init__(self, strain: Strain) -> None:
        super().__init__()
        self.strain = strain

    async def _wait_or_fail(self) -> None:
        for _ in range(self.strain.chance.randrange(3)):
            await asyncio.sleep(0)


async def _persist(attempt):
    """Repeat a failed call, as a client does."""
    while True:
        try:
            return await attempt()
        except StoreUnavailable:
            await asyncio.sleep(0)


@settings(max_examples=100)
@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.1, 0.3]), st.booleans())
async def test_every_record_has_its_image_and_deleted_ones_leave_nothing(
    seed: int, failing: float, all_at_once: bool
) -> None:
    strain = Strain(seed, failing)
    service = Service(
        repository=StrainedRepository(strain),
        images=StrainedImageStore(strain),
        spool=StrainedSpool(strain),
        clock=SystemClock(),  # type: ignore[arg-type]
        first_retry_s=0.001,
        max_retry_s=0.002,
    )
    deleted: set[UUID] = set()
    accepted: set[UUID] = set()

    async def client() -> None:
        record = service.analysed()
        await service.store.accept(record, PHOTO)
        accepted.add(record.detection_id)
        for _ in range(strain.chance.randrange(30)):
            await asyncio.sleep(0)
        if strain.chance.random() < 0.5:
            # A first attempt may have erased everything and then failed; or everything was deleted.
            with contextlib.suppress(NotFound):
                await _persist(lambda: service.erase.one(service.alice, record.detection_id))
            deleted.add(record.detection_id)

    async def eraser() -> None:
        for _ in range(strain.chance.randrange(30)):
            await asyncio.sleep(0)
        known = set(accepted)
        await _persist(lambda: service.erase.everything(service.alice))
        deleted.update(known)

    async def settled() -> bool:
        """Wait until nothing is pending, and check that records and images correspond."""
        count = await service.repository.count("alice", HistoryFilter())
        is_pending = await service.spool.waiting() or service.store.retry_schedule.known()
        return not is_pending and count == len(service.images)

    storing = asyncio.create_task(service.store.run())
    clients = [client() for _ in range(6)] + ([eraser()] if all_at_once else [])
    await asyncio.gather(*clients)
    strain.failing = 0.0
    for _ in range(10_000):
        if await settled():
            break
        await asyncio.sleep(0.001)
    assert await settled()
    assert not storing.done()
    storing.cancel()
    await asyncio.gather(storing, return_exceptions=True)

    found = await records_of(service.repository)
    kept = {record.detection_id for record in found}
    assert not kept & deleted
    assert all(record.storage is StorageStatus.DONE for record in found)
    if not all_at_once:
        assert kept == accepted - deleted
