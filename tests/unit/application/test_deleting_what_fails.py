from collections.abc import Awaitable, Callable, Iterator

import pytest

from adapters.in_memory import InMemoryDetectionRepository
from application.errors import StoreUnavailable
from domain.detection import Detection
from domain.errors import NotFound
from tests.unit.application.difficult_stores import (
    DOWN,
    BusyEraser,
    SlowImageStore,
    delete_one,
    nothing_is_left,
)
from tests.unit.application.service import GIVE_UP_AFTER_S, PHOTO, Service


class BusyAdder(InMemoryDetectionRepository):
    """Calls the next of some functions right before it adds a record."""

    before_adding: Iterator[Callable[[], Awaitable[object]]] = iter(())

    async def add(self, detection: Detection) -> None:
        if before := next(self.before_adding, None):
            await before()
        await super().add(detection)


async def check_erased_later(service: Service, images: SlowImageStore, record: Detection) -> None:
    """A deletion fails, its owner can only get a 404 after that, and the image is erased."""
    with pytest.raises(StoreUnavailable):
        await delete_one(service, record)
    images.recover()
    with pytest.raises(NotFound):
        await delete_one(service, record)
    service.clock.advance(60)
    assert await service.store.carry_due() is None
    assert await nothing_is_left(service)


async def test_an_image_that_arrives_while_its_deletion_fails_is_erased_later() -> None:
    """The owner's second attempt gets a 404, so only the background work can erase it."""
    repository, images = BusyEraser(), SlowImageStore()
    service = Service(repository=repository, images=images)
    record = await service.accepted()

    async def arrive_and_break_down() -> None:
        images.claims_to_fail = True
        await service.store.carry_due()
        images.fail_with(DOWN)

    repository.after_erasing = arrive_and_break_down
    await check_erased_later(service, images, record)


async def test_an_image_that_is_stored_while_its_deletion_fails_is_erased_later() -> None:
    """Record and spool entry are gone, so the owner's second attempt gets a 404."""
    repository, images = BusyEraser(), SlowImageStore()
    service = Service(repository=repository, images=images)
    record = await service.accepted()

    async def store_completely() -> None:
        assert await service.store.carry_due() is None

    async def break_down() -> None:
        images.fail_with(DOWN)

    repository.before_erasing, repository.after_erasing = store_completely, break_down
    await check_erased_later(service, images, record)


async def test_a_detection_that_is_deleted_while_its_image_is_given_up_stays_deleted() -> None:
    """Its record was never added, and giving up adds it after the deletion."""
    repository = BusyAdder()
    service = Service(repository=repository)
    record = service.analysed()

    async def break_down() -> None:
        raise DOWN

    async def delete() -> None:
        await delete_one(service, record)

    # The first is for the answer, the next two for attempts to store; the last is for giving up.
    repository.before_adding = iter([break_down, break_down, break_down, delete])
    await service.store.accept(record, PHOTO)
    await service.store.carry_due()
    service.clock.advance(GIVE_UP_AFTER_S)
    assert await service.store.carry_due() is None
    assert next(repository.before_adding, None) is None, "giving up added no record"
    assert await nothing_is_left(service)
    assert service.telemetry.counts["detection_stored"] == 0
