"""The history belongs to its owner: to see, to export and to erase."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from uuid import uuid4

import pytest

from adapters.in_memory import InMemoryLinkSigner
from application.errors import StoreUnavailable
from application.use_cases.history import (
    DeleteDetection,
    DeleteHistory,
    ExportHistory,
    GetDetection,
    GetStorageStatus,
    ListHistory,
    ListHistoryCommand,
    OpenImageLink,
    ReadImage,
)
from domain.detection import Detection, HistoryFilter, StorageStatus
from domain.errors import Forbidden, InvalidLink, InvalidRequest, NotFound
from tests.unit.application.service import GIVE_UP_AFTER_S, PHOTO, Service

DOWN = StoreUnavailable("the store does not answer")


@pytest.fixture
def listing(service: Service) -> ListHistory:
    return ListHistory(service.repository)


@pytest.fixture
def getting(service: Service) -> GetDetection:
    return GetDetection(service.repository)


@pytest.fixture
def deleting(service: Service) -> DeleteDetection:
    return DeleteDetection(
        service.repository, service.spool, service.images, service.erasure, service.store.backlog
    )


@pytest.fixture
def deleting_all(service: Service) -> DeleteHistory:
    return DeleteHistory(
        service.repository, service.spool, service.images, service.erasure, service.store.backlog
    )


@pytest.fixture
def status(service: Service) -> GetStorageStatus:
    return GetStorageStatus(service.repository, service.spool)


async def all_of(parts: AsyncIterator[Sequence[Detection]]) -> list[Detection]:
    return [record async for part in parts for record in part]


async def test_a_user_lists_own_records_newest_first(
    service: Service, listing: ListHistory
) -> None:
    older = await service.stored()
    await service.stored(service.bob)
    service.clock.advance(60)
    newer = await service.stored()
    page = await listing.execute(ListHistoryCommand(service.alice))
    assert await all_of(page.parts) == [newer, older]
    assert page.total == 2


async def test_a_page_contains_the_total(service: Service, listing: ListHistory) -> None:
    for _ in range(5):
        await service.stored()
        service.clock.advance(60)
    everything = await listing.execute(ListHistoryCommand(service.alice))
    page = await listing.execute(ListHistoryCommand(service.alice, skip=1, limit=2))
    assert await all_of(page.parts) == (await all_of(everything.parts))[1:3]
    assert page.total == 5
    beyond = await listing.execute(ListHistoryCommand(service.alice, skip=9))
    assert (await all_of(beyond.parts), beyond.total) == ([], 5)


@pytest.mark.parametrize(
    ("skip", "limit", "field"), [(-1, 10, "skip"), (0, 0, "limit"), (0, 101, "limit")]
)
async def test_a_page_out_of_bounds_is_refused_naming_the_field(
    service: Service, listing: ListHistory, skip: int, limit: int, field: str
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        await listing.execute(ListHistoryCommand(service.alice, skip=skip, limit=limit))
    assert refusal.value.details == {"field": field}


async def test_dates_the_wrong_way_round_are_refused(
    service: Service, listing: ListHistory
) -> None:
    now = service.clock.now()
    backwards = HistoryFilter(from_date=now, to_date=now - timedelta(seconds=1))
    with pytest.raises(InvalidRequest):
        await listing.execute(ListHistoryCommand(service.alice, backwards))
    with pytest.raises(InvalidRequest):
        ExportHistory(service.repository).execute(service.alice, backwards)


async def test_one_record_is_shown_to_its_owner_and_to_nobody_else(
    service: Service, getting: GetDetection
) -> None:
    record = await service.stored()
    assert await getting.execute(service.alice, record.detection_id) == record
    with pytest.raises(Forbidden):
        await getting.execute(service.bob, record.detection_id)
    with pytest.raises(NotFound):
        await getting.execute(service.alice, uuid4())


async def test_deleting_erases_record_and_image(
    service: Service, deleting: DeleteDetection
) -> None:
    record, kept = await service.stored(), await service.stored()
    await deleting.execute(service.alice, record.detection_id)
    assert await service.repository.get(record.detection_id) is None
    assert await service.image_of(record) is None
    assert await service.image_of(kept) == PHOTO
    with pytest.raises(NotFound):
        await deleting.execute(service.alice, record.detection_id)


async def test_deleting_erases_waiting_detections(
    service: Service, deleting: DeleteDetection
) -> None:
    record = await service.accepted()
    await deleting.execute(service.alice, record.detection_id)
    assert await service.spool.waiting() == []
    assert await service.repository.get(record.detection_id) is None


@pytest.mark.parametrize("arrived", [True, False])
async def test_other_users_cannot_delete_a_record(
    service: Service, deleting: DeleteDetection, arrived: bool
) -> None:
    record = await (service.stored() if arrived else service.accepted())
    with pytest.raises(Forbidden):
        await deleting.execute(service.bob, record.detection_id)
    await service.store.carry_due()
    assert await service.image_of(record) == PHOTO


async def test_a_deletion_that_failed_half_way_can_be_repeated(
    service: Service, deleting: DeleteDetection
) -> None:
    record = await service.stored()
    service.images.fail_with(DOWN)
    with pytest.raises(StoreUnavailable):
        await deleting.execute(service.alice, record.detection_id)
    service.images.recover()
    await deleting.execute(service.alice, record.detection_id)
    assert await service.image_of(record) is None
    assert await service.repository.get(record.detection_id) is None


@pytest.mark.parametrize("store", ["images", "repository"])
@pytest.mark.parametrize("everything", [True, False])
async def test_a_waiting_detection_stays_complete_when_deleting_fails(
    service: Service,
    deleting: DeleteDetection,
    deleting_all: DeleteHistory,
    store: str,
    everything: bool,
) -> None:
    record = await service.accepted()
    service.restart()
    failing = service.images if store == "images" else service.repository
    failing.fail_with(DOWN)
    everything_or_one = (
        deleting_all.execute(service.alice)
        if everything
        else deleting.execute(service.alice, record.detection_id)
    )
    with pytest.raises(StoreUnavailable):
        await everything_or_one
    failing.recover()
    await service.store.carry_due()
    assert await service.status_of(record.detection_id) is StorageStatus.DONE
    assert await service.image_of(record) == PHOTO


async def test_deleting_everything_erases_own_records_images_and_waiting_ones_only(
    service: Service, deleting_all: DeleteHistory
) -> None:
    arrived, others = await service.stored(), await service.stored(service.bob)
    await service.accepted()
    others_waiting = await service.accepted(service.bob)
    assert await deleting_all.execute(service.alice) == 2
    assert await service.image_of(arrived) is None
    assert await service.repository.count("alice", HistoryFilter()) == 0
    assert await service.spool.waiting() == [others_waiting.detection_id]
    assert await service.image_of(others) == PHOTO
    assert await deleting_all.execute(service.alice) == 0


async def test_a_deletion_of_everything_that_failed_half_way_can_be_repeated(
    service: Service, deleting_all: DeleteHistory
) -> None:
    for _ in range(3):
        await service.stored()
    service.images.fail_with(DOWN)
    with pytest.raises(StoreUnavailable):
        await deleting_all.execute(service.alice)
    assert await service.repository.count("alice", HistoryFilter()) == len(service.images)
    service.images.recover()
    assert await deleting_all.execute(service.alice) == 3
    assert len(service.images) == 0


async def test_an_export_holds_own_matching_records_newest_first(service: Service) -> None:
    export = ExportHistory(service.repository)
    first = await service.stored()
    service.clock.advance(60)
    second = await service.stored()
    await service.stored(service.bob)
    exported = await all_of(export.execute(service.alice, HistoryFilter()))
    assert exported == [second, first]
    recent = HistoryFilter(from_date=second.timestamp)
    assert await all_of(export.execute(service.alice, recent)) == [second]


async def test_the_status_follows_a_detection_to_its_stores(
    service: Service, status: GetStorageStatus
) -> None:
    record = await service.accepted()
    assert await status.execute(service.alice, record.detection_id) is StorageStatus.PENDING
    await service.store.carry_due()
    assert await status.execute(service.alice, record.detection_id) is StorageStatus.DONE


async def test_the_status_says_failed_once_storing_was_given_up(
    service: Service, status: GetStorageStatus
) -> None:
    service.images.fail_with(DOWN)
    record = await service.accepted()
    await service.store.carry_due()
    service.clock.advance(GIVE_UP_AFTER_S)
    await service.store.carry_due()
    assert await status.execute(service.alice, record.detection_id) is StorageStatus.FAILED


async def test_the_status_of_a_waiting_detection_is_known_while_the_repository_is_down(
    service: Service, status: GetStorageStatus
) -> None:
    service.repository.fail_with(DOWN)
    record = await service.accepted()
    assert await status.execute(service.alice, record.detection_id) is StorageStatus.PENDING
    with pytest.raises(Forbidden):
        await status.execute(service.bob, record.detection_id)
    with pytest.raises(StoreUnavailable):
        await status.execute(service.alice, uuid4())


async def test_the_status_is_for_the_owner_only(service: Service, status: GetStorageStatus) -> None:
    record = await service.stored()
    with pytest.raises(Forbidden):
        await status.execute(service.bob, record.detection_id)
    with pytest.raises(NotFound):
        await status.execute(service.alice, uuid4())


async def test_an_image_is_returned_to_its_owner_and_hidden_from_others(
    service: Service,
) -> None:
    reading = ReadImage(service.images)
    record = await service.stored()
    assert await reading.execute(service.alice, record.detection_id) == PHOTO
    with pytest.raises(NotFound) as to_bob:
        await reading.execute(service.bob, record.detection_id)
    with pytest.raises(NotFound) as unknown:
        await reading.execute(service.bob, uuid4())
    assert str(to_bob.value) == str(unknown.value)


async def test_a_link_opens_the_image_until_it_expires_or_the_image_is_erased(
    service: Service, deleting: DeleteDetection
) -> None:
    links = InMemoryLinkSigner(service.clock, lifetime_s=60)
    opening = OpenImageLink(links, service.repository, service.images)
    record = await service.stored()
    path = "/images/1"
    signature = links.sign(path)
    assert await opening.execute(path, signature, record.detection_id) == PHOTO
    service.clock.advance(60)
    with pytest.raises(InvalidLink):
        await opening.execute(path, signature, record.detection_id)
    fresh = links.sign(path)
    await deleting.execute(service.alice, record.detection_id)
    with pytest.raises(NotFound):
        await opening.execute(path, fresh, record.detection_id)
