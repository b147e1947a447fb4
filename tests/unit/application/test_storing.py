"""An acknowledged detection is stored, unless its owner deletes it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID

import pytest

from adapters.in_memory import (
    InMemoryDetectionSpool,
)
from application.errors import StoreCircuitOpen, StoreUnavailable
from application.ports.image_store import StoredImage
from application.use_cases.history import EraseHistory
from domain.detection import Detection, StorageStatus
from tests.unit.application.difficult_stores import (
    DOWN,
    BrokenImageStore,
    BusyEraser,
    BusyRepository,
    GhostlySpool,
    SlowImageStore,
    SlowToAddRepository,
    delete_one,
    nothing_is_left,
    records_of_alice,
)
from tests.unit.application.service import GIVE_UP_AFTER_S, PHOTO, Service, until


@contextlib.asynccontextmanager
async def running(service: Service) -> AsyncIterator[None]:
    """The background work of a live service."""
    task = asyncio.create_task(service.store.run())
    try:
        yield
        assert not task.done(), "the background work ended"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def delete_everything(service: Service, _: Detection | None = None) -> None:
    await service.erase.everything(service.alice)


async def test_an_accepted_detection_is_stored_with_its_image(service: Service) -> None:
    record = await service.accepted()
    assert await service.status_of(record.detection_id) is StorageStatus.PENDING
    assert await service.store.carry_due() is None
    kept = await service.repository.get(record.detection_id)
    assert kept == record.stored_at(f"/api/images/{record.detection_id}")
    assert await service.image_of(record) == PHOTO
    assert await service.spool.waiting() == []
    assert service.telemetry.counts["detection_stored"] == 1


async def test_the_answer_does_not_wait_for_the_image_store(service: Service) -> None:
    service.images.hold()
    async with running(service):
        record = await service.accepted()
        assert await service.status_of(record.detection_id) is StorageStatus.PENDING


async def test_a_repository_that_is_down_delays_the_record_and_not_the_answer(
    service: Service,
) -> None:
    service.repository.fail_with(DOWN)
    record = await service.accepted()
    assert await service.store.carry_due() is not None
    service.repository.recover()
    service.clock.advance(60)
    await service.store.carry_due()
    assert await service.status_of(record.detection_id) is StorageStatus.DONE


async def test_a_full_spool_refuses_and_leaves_nothing_behind(service: Service) -> None:
    record = service.analysed()
    with pytest.raises(StoreUnavailable):
        await service.store.accept(record, StoredImage(b"x" * 20_000, "image/png"))
    assert await nothing_is_left(service)


async def test_retries_come_at_growing_intervals_up_to_the_longest(service: Service) -> None:
    service.images.fail_with(DOWN)
    await service.accepted()
    ceiling = 1.0
    for _ in range(12):
        wait_s = await service.store.carry_due()
        assert wait_s is not None
        assert ceiling / 2 <= wait_s <= ceiling
        failed = service.telemetry.failed_stages["upload"]
        service.clock.advance(wait_s / 2)
        await service.store.carry_due()
        assert service.telemetry.failed_stages["upload"] == failed, "tried before its time"
        service.clock.advance(wait_s / 2 + 0.001)
        ceiling = min(ceiling * 2, 60.0)


async def test_the_earliest_retry_is_waited_for(service: Service) -> None:
    service.images.fail_with(DOWN)
    await service.accepted()
    for _ in range(6):
        service.clock.advance(await service.store.carry_due() or 0)
    await service.accepted()
    wait_s = await service.store.carry_due()
    assert wait_s is not None
    assert wait_s <= 1


async def test_an_image_that_fails_for_long_is_given_up_as_failed(service: Service) -> None:
    service.images.fail_with(DOWN)
    record = await service.accepted()
    await service.store.carry_due()
    service.clock.advance(GIVE_UP_AFTER_S - 1)
    assert await service.store.carry_due() is not None
    assert await service.status_of(record.detection_id) is StorageStatus.PENDING
    service.clock.advance(60)
    assert await service.store.carry_due() is None
    assert await service.status_of(record.detection_id) is StorageStatus.FAILED
    assert await service.spool.waiting() == []
    assert service.telemetry.counts["detection_given_up"] == 1


async def test_time_while_the_service_is_off_does_not_count_towards_giving_up(
    service: Service,
) -> None:
    record = await service.accepted()
    service.clock.advance(GIVE_UP_AFTER_S * 2)
    service.restart()
    service.images.fail_with(DOWN)
    assert await service.store.carry_due() is not None
    service.images.recover()
    service.clock.advance(60)
    await service.store.carry_due()
    assert await service.status_of(record.detection_id) is StorageStatus.DONE


async def test_an_open_circuit_does_not_count_towards_giving_up(service: Service) -> None:
    service.images.fail_with(DOWN)
    record = await service.accepted()
    await service.store.carry_due()
    service.images.fail_with(StoreCircuitOpen("the circuit breaker is open"))
    service.clock.advance(GIVE_UP_AFTER_S * 2)
    assert await service.store.carry_due() is not None
    service.images.recover()
    service.clock.advance(60)
    await service.store.carry_due()
    assert await service.status_of(record.detection_id) is StorageStatus.DONE


async def test_giving_up_waits_until_the_record_can_be_marked(service: Service) -> None:
    service.images.fail_with(DOWN)
    service.repository.fail_with(DOWN)
    record = await service.accepted()
    await service.store.carry_due()
    service.clock.advance(GIVE_UP_AFTER_S)
    wait_s = await service.store.carry_due()
    assert wait_s is not None
    assert wait_s >= 0.5, "a store that is down is not asked without a pause"
    service.repository.recover()
    service.clock.advance(60)
    await service.store.carry_due()
    assert await service.status_of(record.detection_id) is StorageStatus.FAILED


async def test_giving_up_an_image_still_stores_its_record(
    service: Service,
) -> None:
    """The repository works again at the moment the image is given up."""
    service.repository.fail_with(DOWN)
    record = await service.accepted()
    await service.store.carry_due()
    service.clock.advance(GIVE_UP_AFTER_S)
    service.repository.recover()
    service.images.fail_with(DOWN)
    await service.store.carry_due()
    assert await service.status_of(record.detection_id) is StorageStatus.FAILED


async def test_thousands_of_failures_do_not_overflow_the_backoff() -> None:
    """2.0 ** 1024 overflows, and with a retry a minute that is reached within a day."""
    service = Service(give_up_after_s=7 * 86_400)
    service.images.fail_with(DOWN)
    await service.accepted()
    for _ in range(1030):
        wait_s = await service.store.carry_due()
        assert wait_s is not None
        assert wait_s <= 60
        service.clock.advance(60)


async def test_after_a_crash_the_next_run_stores_what_was_answered(service: Service) -> None:
    first, second = await service.accepted(), await service.accepted()
    service.restart()
    async with running(service):
        await until(lambda: service.telemetry.counts["detection_stored"] == 2)
    assert await service.status_of(first.detection_id) is StorageStatus.DONE
    assert await service.status_of(second.detection_id) is StorageStatus.DONE


async def test_a_crash_after_the_upload_makes_no_duplicate(service: Service) -> None:
    record = await service.accepted()
    await service.images.put(record.user_id, record.detection_id, PHOTO)
    service.restart()
    await service.store.carry_due()
    assert len(service.images) == 1
    assert len(await records_of_alice(service)) == 1


async def test_a_detection_accepted_twice_is_stored_once(service: Service) -> None:
    record = await service.accepted()
    await service.store.accept(record, PHOTO)
    await service.store.carry_due()
    assert len(service.images) == 1
    assert len(await records_of_alice(service)) == 1
    assert service.telemetry.counts["detection_stored"] == 1


async def test_new_arrivals_do_not_wait_for_a_slow_upload() -> None:
    images = SlowImageStore()
    service = Service(images=images)
    slow = service.analysed()
    images.slow = slow.detection_id
    async with running(service):
        await service.store.accept(slow, PHOTO)
        await images.begun.wait()
        others = [await service.accepted() for _ in range(5)]
        await until(lambda: service.telemetry.counts["detection_stored"] == 5)
        for other in others:
            assert await service.status_of(other.detection_id) is StorageStatus.DONE
        assert await service.status_of(slow.detection_id) is StorageStatus.PENDING
        images.go_on.set()
        await until(lambda: service.telemetry.counts["detection_stored"] == 6)


async def test_a_long_queue_does_not_exceed_the_limit_of_uploads(service: Service) -> None:
    for _ in range(20):
        await service.accepted()
    service.images.hold()
    before = len(asyncio.all_tasks())
    async with running(service):
        await until(lambda: service.telemetry.stages["upload"] == 2)
        for _ in range(50):
            await asyncio.sleep(0)
        assert service.telemetry.stages["upload"] == 2
        assert len(asyncio.all_tasks()) <= before + 1 + 2
        service.images.release()
        await until(lambda: service.telemetry.counts["detection_stored"] == 20)


async def test_a_temporarily_unreadable_spool_recovers(
    service: Service,
) -> None:
    record = await service.accepted()
    service.spool.fail_with(DOWN)
    async with running(service):
        for _ in range(50):
            await asyncio.sleep(0)
        service.spool.recover()
        await service.accepted()
        await until(lambda: service.telemetry.counts["detection_stored"] == 2)
    assert await service.status_of(record.detection_id) is StorageStatus.DONE


async def test_a_bug_in_a_store_does_not_block_other_detections() -> None:
    images = BrokenImageStore()
    service = Service(images=images)
    broken, whole = await service.accepted(), await service.accepted()
    images.broken = broken.detection_id
    async with running(service):
        await until(lambda: service.telemetry.counts["detection_stored"] == 1)
    assert await service.status_of(whole.detection_id) is StorageStatus.DONE
    assert await service.spool.waiting() == [broken.detection_id]


async def test_an_entry_without_a_file_is_not_retried_forever() -> None:
    spool = GhostlySpool()
    service = Service(spool=spool)
    record = await service.accepted()
    async with running(service):
        for _ in range(100):
            await asyncio.sleep(0)
        assert spool.looked == 1
    assert await service.status_of(record.detection_id) is StorageStatus.FAILED


async def test_deleting_before_the_upload_leaves_nothing(service: Service) -> None:
    record = await service.accepted()
    await delete_one(service, record)
    await service.store.carry_due()
    assert await nothing_is_left(service)


async def upload_under_way(
    service: Service, images: SlowImageStore
) -> tuple[Detection, asyncio.Task[float | None]]:
    """A record whose image is being uploaded, and the task that uploads it."""
    record = await service.accepted()
    images.slow = record.detection_id
    carrying = asyncio.create_task(service.store.carry_due())
    await images.begun.wait()
    return record, carrying


@pytest.mark.parametrize("delete", [delete_one, delete_everything])
@pytest.mark.parametrize("claims_to_fail", [False, True])
async def test_deleting_during_the_upload_leaves_nothing(
    delete: Callable[[Service, Detection], Awaitable[None]], claims_to_fail: bool
) -> None:
    """The upload then succeeds, or fails although the image was stored."""
    images = SlowImageStore()
    service = Service(images=images)
    record, carrying = await upload_under_way(service, images)
    await delete(service, record)
    images.claims_to_fail = claims_to_fail
    images.go_on.set()
    await carrying
    assert await nothing_is_left(service)
    service.restart()
    await service.store.carry_due()
    assert await nothing_is_left(service)


@pytest.mark.parametrize("when", ["before_erasing", "after_erasing"])
@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("claims_to_fail", [False, True])
async def test_an_upload_that_ends_during_a_deletion_leaves_nothing(
    when: str, restarted: bool, claims_to_fail: bool
) -> None:
    repository, images = BusyEraser(), SlowImageStore()
    service = Service(repository=repository, images=images)
    record = await service.accepted()
    if restarted:
        service.restart()
    images.claims_to_fail = claims_to_fail
    setattr(repository, when, service.store.carry_due)
    await delete_one(service, record)
    assert await nothing_is_left(service)


async def test_deleting_between_two_attempts_leaves_nothing(service: Service) -> None:
    service.images.fail_with(DOWN)
    record = await service.accepted()
    await service.store.carry_due()
    service.images.recover()
    await delete_one(service, record)
    service.clock.advance(60)
    assert await service.store.carry_due() is None
    assert await nothing_is_left(service)


async def test_a_deletion_that_fails_half_way_is_finished_later(service: Service) -> None:
    record = await service.accepted()
    remove = service.spool.remove

    async def remove_late(key: UUID) -> bool:
        # Meanwhile what accepts it adds the record, and then the image store fails.
        await service.repository.add(record)
        service.images.fail_with(DOWN)
        return await remove(key)

    setattr(service.spool, "remove", remove_late)  # noqa: B010 (mypy)
    with pytest.raises(StoreUnavailable):
        await delete_one(service, record)
    setattr(service.spool, "remove", remove)  # noqa: B010 (mypy)
    service.images.recover()
    await service.store.carry_due()
    assert await nothing_is_left(service)


async def test_a_record_deleted_from_another_host_stays_deleted(service: Service) -> None:
    """The other host has no access to this host's spool."""
    record = await service.accepted()
    elsewhere = InMemoryDetectionSpool()
    await EraseHistory(
        repository=service.repository,
        spool=elsewhere,
        images=service.images,
        erase_videos=service.erasure,
        retry_schedule=service.store.retry_schedule,
    ).one(service.alice, record.detection_id)
    await service.store.carry_due()
    assert await nothing_is_left(service)


async def test_deleting_an_entry_that_is_only_in_the_spool_leaves_nothing(service: Service) -> None:
    """The repository was down when the detection was accepted, and works again."""
    service.repository.fail_with(DOWN)
    record = await service.accepted()
    service.repository.recover()
    await delete_one(service, record)
    await service.store.carry_due()
    assert await nothing_is_left(service)


async def test_deleting_everything_while_a_detection_is_accepted_leaves_nothing() -> None:
    repository = SlowToAddRepository()
    service = Service(repository=repository)
    taking_in = asyncio.create_task(service.accepted())
    await repository.begun.wait()
    await delete_everything(service)
    repository.go_on.set()
    await taking_in
    await service.store.carry_due()
    assert await nothing_is_left(service)


async def test_a_detection_that_arrives_while_everything_is_deleted_is_complete() -> None:
    """It is accepted after the history was read and before it is erased."""
    repository = BusyRepository()
    service = Service(repository=repository)
    await service.stored()
    repository.after_reading = service.stored
    await delete_everything(service)
    assert len(service.images) == len(await records_of_alice(service)) == 1


async def test_a_disconnected_client_leaves_a_complete_record() -> None:
    repository = SlowToAddRepository()
    service = Service(repository=repository)
    async with running(service):
        taking_in = asyncio.create_task(service.accepted())
        await repository.begun.wait()
        for _ in range(3):
            taking_in.cancel()
            await asyncio.sleep(0)
        repository.go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await taking_in
        await until(lambda: service.telemetry.counts["detection_stored"] == 1)
    assert len(service.images) == len(await records_of_alice(service)) == 1


async def test_no_retry_is_due_while_an_upload_is_under_way() -> None:
    """The background work would otherwise look into the spool without end."""
    images = SlowImageStore()
    service = Service(images=images)
    _, carrying = await upload_under_way(service, images)
    assert service.store.retry_schedule.next_due_in_s() is None
    images.go_on.set()
    await carrying


async def test_a_detection_that_could_not_be_spooled_is_not_kept_in_work(service: Service) -> None:
    service.spool.fail_with(DOWN)
    with pytest.raises(StoreUnavailable):
        await service.accepted()
    service.spool.recover()
    await asyncio.wait_for(service.store.retry_schedule.changed(None), 5)


async def test_a_stored_detection_without_an_entry_in_the_spool_stays_stored(
    service: Service,
) -> None:
    record = await service.accepted()
    await service.store.carry_due()
    await service.store.delivery.settle_without_entry(record.detection_id)
    assert await service.status_of(record.detection_id) is StorageStatus.DONE
