"""An unreadable record does not block storing."""

from tests.unit.application.service import PHOTO, Service


async def test_an_image_with_an_unreadable_record_is_not_retried_forever(
    service: Service,
) -> None:
    record = await service.accepted()
    service.repository.make_unreadable(record.detection_id)
    await service.store.carry_due()
    assert await service.spool.waiting() == []
    assert await service.image_of(record) == PHOTO
