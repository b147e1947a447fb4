"""An unreadable record does not block storing."""

from uuid import UUID

from adapters.in_memory import InMemoryDetectionSpool
from application.ports.detection_spool import SpooledDetection
from domain.detection import StorageStatus
from tests.unit.application.service import PHOTO, Service


class DamagedSpool(InMemoryDetectionSpool):
    """Lists its entries but cannot read them."""

    async def get(self, detection_id: UUID) -> SpooledDetection | None:
        await self.remove(detection_id)
        return None


async def test_an_image_with_an_unreadable_record_is_not_retried_forever(
    service: Service,
) -> None:
    record = await service.accepted()
    service.repository.make_unreadable(record.detection_id)
    await service.store.carry_due()
    assert await service.spool.waiting() == []
    assert await service.image_of(record) == PHOTO


async def test_an_unreadable_spool_entry_is_reported_as_failed() -> None:
    service = Service(spool=DamagedSpool())
    record = await service.accepted()
    await service.store.carry_due()
    assert await service.status_of(record.detection_id) is StorageStatus.FAILED
