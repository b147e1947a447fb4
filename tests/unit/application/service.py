"""The use cases with fakes, and access to every part."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid4

from adapters.in_memory import (
    InMemoryClock,
    InMemoryDetectionRepository,
    InMemoryDetectionSpool,
    InMemoryEmotionClassifier,
    InMemoryFaceDetector,
    InMemoryImageAnnotator,
    InMemoryImageDecoder,
    InMemoryImageStore,
    InMemoryTelemetry,
    InMemoryUsageLedger,
    InMemoryUserRepository,
    InMemoryVideoRepository,
    InMemoryVideoStore,
)
from adapters.inference.stepwise import StepwiseFaceAnalyser
from application.accounts.links import LinkSigner
from application.accounts.metering import UsageMeter
from application.ports.image_annotator import ImageAnnotator
from application.ports.image_store import StoredImage
from application.use_cases.detect_batch import DetectBatch
from application.use_cases.detect_emotions import DetectEmotions
from application.use_cases.erase_videos import EraseVideos
from application.use_cases.history import EraseHistory, ReadHistory
from application.use_cases.show_image import ShowImage
from application.work.admission import AdmissionGate
from application.work.memory_budget import MemoryBudget
from domain.detection import Detection, StorageStatus
from domain.user import Guest, GuestQuota, User
from tests.storing import Storing

GIVE_UP_AFTER_S = 3600.0
WINDOW_S = 86_400


def user(name: str) -> User:
    return User(
        user_id=name,
        email=f"{name}@example.com",
        display_name=name.title(),
        photo_url=None,
        is_email_verified=True,
        providers=("password",),
        created_at=datetime(2025, 1, 1, tzinfo=UTC),
    )


def guest(name: str = "guest:1", address: str = "192.0.2.1") -> Guest:
    return Guest(name, address, datetime(2026, 1, 1, tzinfo=UTC))


async def until(condition: Callable[[], bool]) -> None:
    """Let other tasks run until this holds; the fakes need a few turns of the loop at most."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("what was waited for never came")


@dataclass
class Service:
    """Use cases with fakes. ``restart`` makes new use cases on the same stores."""

    clock: InMemoryClock = field(default_factory=InMemoryClock)
    telemetry: InMemoryTelemetry = field(default_factory=InMemoryTelemetry)
    repository: InMemoryDetectionRepository = field(default_factory=InMemoryDetectionRepository)
    users: InMemoryUserRepository = field(default_factory=InMemoryUserRepository)
    images: InMemoryImageStore = field(default_factory=InMemoryImageStore)
    videos: InMemoryVideoRepository = field(default_factory=InMemoryVideoRepository)
    video_files: InMemoryVideoStore = field(default_factory=InMemoryVideoStore)
    spool: InMemoryDetectionSpool = field(
        default_factory=lambda: InMemoryDetectionSpool(max_bytes=10_000)
    )
    ledger: InMemoryUsageLedger = field(default_factory=InMemoryUsageLedger)
    decoder: InMemoryImageDecoder = field(default_factory=InMemoryImageDecoder)
    detector: InMemoryFaceDetector = field(default_factory=InMemoryFaceDetector)
    classifier: InMemoryEmotionClassifier = field(default_factory=InMemoryEmotionClassifier)
    give_up_after_s: float = GIVE_UP_AFTER_S
    first_retry_s: float = 1.0
    max_retry_s: float = 60.0
    places: int = 4
    encoded_bytes: int = 10_000
    files_at_once: int = 2

    def __post_init__(self) -> None:
        self.alice, self.bob = user("alice"), user("bob")
        self.meter = UsageMeter(
            ledger=self.ledger,
            clock=self.clock,
            quota=GuestQuota(per_guest=3, per_address=6, window_s=WINDOW_S),
        )
        self.gate = AdmissionGate(self.places)
        self.erasure = EraseVideos(
            repository=self.videos, store=self.video_files, history=self.repository
        )
        self.restart()

    def restart(self) -> None:
        self.store = Storing(
            spool=self.spool,
            repository=self.repository,
            users=self.users,
            images=self.images,
            clock=self.clock,
            telemetry=self.telemetry,
            give_up_after_s=self.give_up_after_s,
            first_retry_s=self.first_retry_s,
            max_retry_s=self.max_retry_s,
            uploads_at_once=2,
        )
        self.detect = DetectEmotions(
            analyser=StepwiseFaceAnalyser(
                decoder=self.decoder,
                detector=self.detector,
                classifier=self.classifier,
                telemetry=self.telemetry,
            ),
            spooler=self.store.spooler,
            meter=self.meter,
            gate=self.gate,
            encoded_budget=MemoryBudget(self.encoded_bytes),
            clock=self.clock,
            telemetry=self.telemetry,
            min_face_size_px=64,
        )
        self.history = ReadHistory(repository=self.repository, spool=self.spool)
        self.erase = EraseHistory(
            repository=self.repository,
            spool=self.spool,
            images=self.images,
            erase_videos=self.erasure,
            retry_schedule=self.store.retry_schedule,
        )
        self.batch = DetectBatch(
            detect_emotions=self.detect,
            meter=self.meter,
            gate=self.gate,
            max_files=5,
            files_at_once=self.files_at_once,
        )

    def show_image(
        self, *, annotator: ImageAnnotator | None = None, links: LinkSigner | None = None
    ) -> ShowImage:
        """Shows the images of the history."""
        return ShowImage(
            repository=self.repository,
            spool=self.spool,
            images=self.images,
            links=links or LinkSigner(secret="s" * 32, clock=self.clock, lifetime_s=3600),
            annotator=annotator or InMemoryImageAnnotator(),
            gate=self.gate,
            encoded_budget=MemoryBudget(self.encoded_bytes),
            max_image_bytes=self.encoded_bytes // 4,
        )

    def analysed(self, owner: User | None = None) -> Detection:
        """A fresh record, as ``DetectEmotions`` makes it."""
        return Detection(
            detection_id=uuid4(),
            user_id=(owner or self.alice).user_id,
            timestamp=self.clock.now(),
            filename="photo.jpg",
            faces=(),
            processing_time_s=0.1,
            image_width=640,
            image_height=480,
        )

    async def accepted(self, owner: User | None = None) -> Detection:
        """An accepted record that waits to be stored."""
        record = self.analysed(owner)
        await self.store.accept(record, PHOTO)
        return record

    async def stored(self, owner: User | None = None) -> Detection:
        """A record that was stored with its image."""
        record = await self.accepted(owner)
        await self.store.carry_due()
        kept = await self.repository.get(record.detection_id)
        assert kept is not None
        assert kept.storage is StorageStatus.DONE
        return kept

    async def image_of(self, record: Detection) -> StoredImage | None:
        return await self.images.get(record.user_id, record.detection_id)

    async def status_of(self, detection_id: UUID) -> StorageStatus | None:
        record = await self.repository.get(detection_id)
        return record.storage if record else None


PHOTO = StoredImage(b"the bytes of a photograph", "image/jpeg")
