import pytest

from application.errors import StoreUnavailable
from domain.errors import NotFound
from tests.unit.application.service import Service
from tests.unit.application.test_store_detection import (
    DOWN,
    BusyEraser,
    SlowImageStore,
    delete_one,
    nothing_is_left,
)


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
    with pytest.raises(StoreUnavailable):
        await delete_one(service, record)
    images.recover()
    with pytest.raises(NotFound):
        await delete_one(service, record)
    service.clock.advance(60)
    assert await service.store.carry_due() is None
    assert await nothing_is_left(service)


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
    with pytest.raises(StoreUnavailable):
        await delete_one(service, record)
    images.recover()
    with pytest.raises(NotFound):
        await delete_one(service, record)
    service.clock.advance(60)
    assert await service.store.carry_due() is None
    assert await nothing_is_left(service)
