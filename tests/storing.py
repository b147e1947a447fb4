"""All parts of storing together, which a test can run step by step."""

from __future__ import annotations

import asyncio

from application.ports.clock import Clock
from application.ports.detection_repository import DetectionRepository
from application.ports.detection_spool import DetectionSpool
from application.ports.image_store import ImageStore, StoredImage
from application.ports.telemetry import Telemetry
from application.ports.user_repository import UserRepository
from application.storing.carrier import Carrier
from application.storing.delivery import Delivery
from application.storing.retry_schedule import RetrySchedule
from application.storing.spooler import Spooler
from domain.detection import Detection


class Storing:
    """The parts of storing, as the container makes them."""

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
        max_retry_s: float = 300.0,
        uploads_at_once: int = 4,
    ) -> None:
        self.retry_schedule = RetrySchedule(
            clock, first_retry_s=first_retry_s, max_retry_s=max_retry_s
        )
        self.delivery = delivery = Delivery(
            spool=spool,
            repository=repository,
            users=users,
            images=images,
            retry_schedule=self.retry_schedule,
            telemetry=telemetry,
        )
        self.spooler = Spooler(
            spool=spool, delivery=delivery, retry_schedule=self.retry_schedule, telemetry=telemetry
        )
        self.carrier = Carrier(
            spool=spool,
            delivery=delivery,
            retry_schedule=self.retry_schedule,
            telemetry=telemetry,
            give_up_after_s=give_up_after_s,
            uploads_at_once=uploads_at_once,
        )

    async def accept(self, detection: Detection, image: StoredImage | None) -> None:
        await self.spooler.accept(detection, image)

    async def run(self) -> None:
        await self.carrier.run()

    async def carry_due(self) -> float | None:
        """Store everything that is due, once, and wait for the outcome.

        Returns:
            Seconds until the next retry is due; None when nothing waits.
        """
        async with asyncio.TaskGroup() as uploads:
            await self.carrier.begin_due(uploads)
        return self.retry_schedule.next_due_in_s()
