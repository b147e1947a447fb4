"""The history belongs to its owner: to see, to export and to erase."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from uuid import uuid4

import pytest

from application.accounts.links import LinkSigner
from application.errors import StoreUnavailable
from domain.detection import Detection, HistoryFilter, StorageStatus
from domain.errors import Forbidden, InvalidLink, InvalidRequest, NotFound
from tests.unit.application.service import GIVE_UP_AFTER_S, PHOTO, Service

DOWN = StoreUnavailable("the store does not answer")


async def all_of(parts: AsyncIterator[Sequence[Detection]]) -> list[Detection]:
    return [record async for part in parts for record in part]


async def test_a_user_lists_own_records_newest_first(service: Service) -> None:
    older = await service.stored()
    await service.stored(service.bob)
    service.clock.advance(60)
    newer = await service.stored()
    total, parts = await service.history.page(service.alice)
    assert await all_of(parts) == [newer, older]
    assert total == 2


async def test_a_page_contains_the_total(service: Service) -> None:
    for _ in range(5):
        await service.stored()
        service.clock.advance(60)
    _, everything = await service.history.page(service.alice)
    total, parts = await service.history.page(service.alice, skip=1, limit=2)
    assert await all_of(parts) == (await all_of(everything))[1:3]
    assert total == 5
    total, parts = await service.history.page(service.alice, skip=9)
    assert (await all_of(parts), total) == ([], 5)


@pytest.mark.parametrize(
    ("skip", "limit", "field"), [(-1, 10, "skip"), (0, 0, "limit"), (0, 101, "limit")]
)
async def test_a_page_out_of_bounds_is_refused_naming_the_field(
    service: Service, skip: int, limit: int, field: str
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        await service.history.page(service.alice, skip=skip, limit=limit)
    assert refusal.value.details == {"field": field}


async def test_dates_the_wrong_way_round_are_refused(service: Service) -> None:
    now = service.clock.now()
    backwards = HistoryFilter(from_date=now, to_date=now - timedelta(seconds=1))
    with pytest.raises(InvalidRequest):
        await service.history.page(service.alice, backwards)
    with pytest.raises(InvalidRequest):
        service.history.everything(service.alice, backwards)


async def test_one_record_is_shown_to_its_owner_and_to_nobody_else(service: Service) -> None:
    record = await service.stored()
    assert await service.history.one(service.alice, record.detection_id) == record
    with pytest.raises(Forbidden):
        await service.history.one(service.bob, record.detection_id)
    with pytest.raises(NotFound):
        await service.history.one(service.alice, uuid4())


async def test_deleting_erases_record_and_image(service: Service) -> None:
    record, kept = await service.stored(), await service.stored()
    await service.erase.one(service.alice, record.detection_id)
    assert await service.repository.get(record.detection_id) is None
    assert await service.image_of(record) is None
    assert await service.image_of(kept) == PHOTO
    with pytest.raises(NotFound):
        await service.erase.one(service.alice, record.detection_id)


async def test_deleting_erases_waiting_detections(service: Service) -> None:
    record = await service.accepted()
    await service.erase.one(service.alice, record.detection_id)
    assert await service.spool.waiting() == []
    assert await service.repository.get(record.detection_id) is None


@pytest.mark.parametrize("arrived", [True, False])
async def test_other_users_cannot_delete_a_record(service: Service, arrived: bool) -> None:
    record = await (service.stored() if arrived else service.accepted())
    with pytest.raises(Forbidden):
        await service.erase.one(service.bob, record.detection_id)
    await service.store.carry_due()
    assert await service.image_of(record) == PHOTO


async def test_a_deletion_that_failed_half_way_can_be_repeated(service: Service) -> None:
    record = await service.stored()
    service.images.fail_with(DOWN)
    with pytest.raises(StoreUnavailable):
        await service.erase.one(service.alice, record.detection_id)
    service.images.recover()
    await service.erase.one(service.alice, record.detection_id)
    assert await service.image_of(record) is None
    assert await service.repository.get(record.detection_id) is None


@pytest.mark.parametrize("store", ["images", "repository"])
@pytest.mark.parametrize("everything", [True, False])
async def test_a_waiting_detection_stays_complete_when_deleting_fails(
    service: Service,
    store: str,
    everything: bool,
) -> None:
    record = await service.accepted()
    service.restart()
    failing = service.images if store == "images" else service.repository
    failing.fail_with(DOWN)
    everything_or_one = (
        service.erase.everything(service.alice)
        if everything
        else service.erase.one(service.alice, record.detection_id)
    )
    with pytest.raises(StoreUnavailable):
        await everything_or_one
    failing.recover()
    await service.store.carry_due()
    assert await service.status_of(record.detection_id) is StorageStatus.DONE
    assert await service.image_of(record) == PHOTO


async def test_deleting_everything_erases_own_records_images_and_waiting_ones_only(
    service: Service,
) -> None:
    arrived, others = await service.stored(), await service.stored(service.bob)
    await service.accepted()
    others_waiting = await service.accepted(service.bob)
    assert await service.erase.everything(service.alice) == 2
    assert await service.image_of(arrived) is None
    assert await service.repository.count("alice", HistoryFilter()) == 0
    assert await service.spool.waiting() == [others_waiting.detection_id]
    assert await service.image_of(others) == PHOTO
    assert await service.erase.everything(service.alice) == 0


async def test_a_deletion_of_everything_that_failed_half_way_can_be_repeated(
    service: Service,
) -> None:
    for _ in range(3):
        await service.stored()
    service.images.fail_with(DOWN)
    with pytest.raises(StoreUnavailable):
        await service.erase.everything(service.alice)
    assert await service.repository.count("alice", HistoryFilter()) == len(service.images)
    service.images.recover()
    assert await service.erase.everything(service.alice) == 3
    assert len(service.images) == 0


async def test_an_export_holds_own_matching_records_newest_first(service: Service) -> None:
    first = await service.stored()
    service.clock.advance(60)
    second = await service.stored()
    await service.stored(service.bob)
    exported = await all_of(service.history.everything(service.alice, HistoryFilter()))
    assert exported == [second, first]
    recent = HistoryFilter(from_date=second.timestamp)
    assert await all_of(service.history.everything(service.alice, recent)) == [second]


async def test_the_status_follows_a_detection_to_its_stores(service: Service) -> None:
    record = await service.accepted()
    assert await service.history.status(service.alice, record.detection_id) is StorageStatus.PENDING
    await service.store.carry_due()
    assert await service.history.status(service.alice, record.detection_id) is StorageStatus.DONE


async def test_the_status_says_failed_once_storing_was_given_up(service: Service) -> None:
    service.images.fail_with(DOWN)
    record = await service.accepted()
    await service.store.carry_due()
    service.clock.advance(GIVE_UP_AFTER_S)
    await service.store.carry_due()
    assert await service.history.status(service.alice, record.detection_id) is StorageStatus.FAILED


async def test_the_status_of_a_waiting_detection_is_known_while_the_repository_is_down(
    service: Service,
) -> None:
    service.repository.fail_with(DOWN)
    record = await service.accepted()
    assert await service.history.status(service.alice, record.detection_id) is StorageStatus.PENDING
    with pytest.raises(Forbidden):
        await service.history.status(service.bob, record.detection_id)
    with pytest.raises(StoreUnavailable):
        await service.history.status(service.alice, uuid4())


async def test_the_status_is_for_the_owner_only(service: Service) -> None:
    record = await service.stored()
    with pytest.raises(Forbidden):
        await service.history.status(service.bob, record.detection_id)
    with pytest.raises(NotFound):
        await service.history.status(service.alice, uuid4())


async def test_an_image_is_returned_to_its_owner_and_hidden_from_others(
    service: Service,
) -> None:
    showing = service.show_image()
    record = await service.stored()
    assert await showing.own(service.alice, record.detection_id) == PHOTO
    with pytest.raises(NotFound) as to_bob:
        await showing.own(service.bob, record.detection_id)
    with pytest.raises(NotFound) as unknown:
        await showing.own(service.bob, uuid4())
    assert str(to_bob.value) == str(unknown.value)


async def test_a_link_opens_the_image_until_it_expires_or_the_image_is_erased(
    service: Service,
) -> None:
    links = LinkSigner(secret="s" * 32, clock=service.clock, lifetime_s=60)
    showing = service.show_image(links=links)
    record = await service.stored()
    path = "/images/1"
    signature = links.sign(path)
    assert await showing.linked(path, signature, record.detection_id) == PHOTO
    service.clock.advance(60)
    with pytest.raises(InvalidLink):
        await showing.linked(path, signature, record.detection_id)
    fresh = links.sign(path)
    await service.erase.one(service.alice, record.detection_id)
    with pytest.raises(NotFound):
        await showing.linked(path, fresh, record.detection_id)
