"""Detecting on one image: users' detections are stored, guests' are not."""

import asyncio
from uuid import UUID

import pytest

from adapters.in_memory import InMemoryEmotionClassifier, InMemoryFaceDetector, fake_image
from application.errors import InferenceUnavailable, Overloaded, StoreUnavailable
from application.ports.image_store import StoredImage
from application.work.priority import Priority
from domain.detection import Detection, HistoryFilter, StorageStatus
from domain.emotion import Emotion
from domain.errors import DomainError, ImageDimensionsTooLarge, InvalidImage, QuotaExceeded
from domain.geometry import BoundingBox
from domain.image import EncodedImage
from domain.user import Caller
from tests.samples import records_of
from tests.unit.application.service import Service, guest, until

TWO_FACES = fake_image(
    ((10, 10, 80, 90), Emotion.SAD),
    ((200, 40, 150, 150), Emotion.HAPPY),
    media_type="image/webp",
)


async def detect(service: Service, caller: Caller, image: bytes = TWO_FACES) -> Detection:
    return await service.detect.execute(caller, EncodedImage.of(image, "party.webp"))


async def uses(service: Service, caller: Caller) -> int:
    return (await service.meter.usage(caller)).count


async def test_every_face_is_found_and_read_largest_first(service: Service) -> None:
    record = await detect(service, service.alice)
    shown = [(face.detection.box, face.dominant_emotion) for face in record.faces]
    assert shown == [
        (BoundingBox(200, 40, 150, 150), Emotion.HAPPY),
        (BoundingBox(10, 10, 80, 90), Emotion.SAD),
    ]


async def test_the_detection_has_its_user_time_and_filename(service: Service) -> None:
    record = await detect(service, service.alice)
    assert (record.user_id, record.timestamp) == ("alice", service.clock.now())
    assert (record.filename, record.image_width, record.image_height) == ("party.webp", 640, 480)
    assert (record.storage, record.image_url) == (StorageStatus.PENDING, None)


async def test_an_image_without_a_face_gives_an_empty_list(service: Service) -> None:
    record = await detect(service, service.alice, fake_image())
    assert record.faces == ()


async def test_faces_below_the_smallest_size_are_left_out(service: Service) -> None:
    small = fake_image(((0, 0, 63, 63), Emotion.SAD), ((300, 0, 30, 64), Emotion.HAPPY))
    record = await detect(service, service.alice, small)
    assert [face.dominant_emotion for face in record.faces] == [Emotion.HAPPY]


async def test_the_record_and_the_original_bytes_of_a_user_are_stored(service: Service) -> None:
    record = await detect(service, service.alice)
    assert await service.repository.get(record.detection_id) == record
    await service.store.carry_due()
    assert await service.image_of(record) == StoredImage(TWO_FACES, "image/webp")


async def test_a_guest_leaves_neither_record_nor_image(service: Service) -> None:
    record = await detect(service, guest())
    assert len(record.faces) == 2
    await service.store.carry_due()
    assert await service.repository.get(record.detection_id) is None
    assert await service.spool.waiting() == []
    assert len(service.images) == 0


async def test_the_fourth_image_of_a_guest_is_refused_before_decoding(
    service: Service,
) -> None:
    for _ in range(3):
        await detect(service, guest())
    with pytest.raises(QuotaExceeded):
        await detect(service, guest(), b"no image, and nobody finds out")
    assert service.telemetry.stages["decode"] == 3


@pytest.mark.parametrize(
    ("image", "error"),
    [
        (b"", InvalidImage),
        (b"not an image", InvalidImage),
        (fake_image(width=30_000, height=30_000), ImageDimensionsTooLarge),
    ],
)
async def test_a_refused_image_is_not_charged(
    service: Service, image: bytes, error: type[DomainError]
) -> None:
    for caller in (guest(), service.alice):
        with pytest.raises(error):
            await detect(service, caller, image)
        assert await uses(service, caller) == 0


async def test_a_damaged_image_is_charged(service: Service) -> None:
    for caller in (guest(), service.alice):
        with pytest.raises(InvalidImage):
            await detect(service, caller, TWO_FACES[:-5])
        assert await uses(service, caller) == 1
    assert await service.spool.waiting() == []


@pytest.mark.parametrize("part", ["detector", "classifier"])
async def test_an_unavailable_part_charges_and_stores_nothing(service: Service, part: str) -> None:
    getattr(service, part).fail_with(InferenceUnavailable("the model cannot run"))
    with pytest.raises(InferenceUnavailable):
        await detect(service, service.alice)
    assert await uses(service, service.alice) == 0
    assert await service.spool.waiting() == []
    assert service.gate.taken == 0


async def test_a_detection_that_cannot_be_stored_is_not_answered_or_charged(
    service: Service,
) -> None:
    service.spool.fail_with(StoreUnavailable("the disk is full"))
    with pytest.raises(StoreUnavailable):
        await detect(service, service.alice)
    assert await uses(service, service.alice) == 0
    assert await service.repository.count("alice", HistoryFilter()) == 0


async def test_without_a_free_place_the_image_is_refused_and_not_counted(service: Service) -> None:
    service.decoder.hold()
    inside = [asyncio.create_task(detect(service, service.alice)) for _ in range(4)]
    await until(lambda: service.gate.taken == 4)
    with pytest.raises(Overloaded):
        await detect(service, service.bob)
    assert await uses(service, service.bob) == 0
    service.decoder.release()
    await asyncio.gather(*inside)
    await detect(service, service.bob)


async def test_admitted_images_are_finished(service: Service) -> None:
    service.decoder.hold()
    inside = [asyncio.create_task(detect(service, service.alice)) for _ in range(4)]
    await until(lambda: service.gate.taken == 4)
    service.decoder.release()
    answered: set[UUID] = {record.detection_id for record in await asyncio.gather(*inside)}
    found = await records_of(service.repository)
    assert {record.detection_id for record in found} == answered


@pytest.mark.parametrize("is_guest", [False, True])
async def test_a_disconnected_client_frees_its_place_and_pays_for_started_work(
    service: Service, is_guest: bool
) -> None:
    caller = guest() if is_guest else service.alice
    service.classifier.hold()
    request = asyncio.create_task(detect(service, caller))
    await until(lambda: service.telemetry.stages["classify"] == 1)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    service.classifier.release()
    assert service.gate.taken == 0
    assert await uses(service, caller) == 1
    assert await service.spool.waiting() == []


async def test_processing_time_runs_from_decoding_to_the_last_score() -> None:
    service = Service()

    class Slow(InMemoryEmotionClassifier):
        async def classify(self, *args, **kwargs):
            service.clock.advance(0.25)
            return await super().classify(*args, **kwargs)

    service.classifier = Slow()
    service.restart()
    assert (await detect(service, service.alice)).processing_time_s == pytest.approx(0.25)


async def test_users_have_priority_over_guests_at_every_stage() -> None:
    seen = []

    class Watched(InMemoryFaceDetector):
        async def detect(self, *args, priority: Priority = Priority.BULK, **kwargs):
            seen.append(priority)
            return await super().detect(*args, **kwargs)

    service = Service(detector=Watched())
    await detect(service, service.alice)
    await detect(service, guest())
    assert seen == [Priority.INTERACTIVE, Priority.GUEST]


async def test_every_stage_and_every_face_is_measured(service: Service) -> None:
    await detect(service, service.alice)
    assert dict(service.telemetry.stages) == {"decode": 1, "detect": 1, "classify": 1, "store": 1}
    assert service.telemetry.counts["face_read"] == 2


async def test_uploads_are_read_only_when_there_is_room_for_them(service: Service) -> None:
    largest = service.encoded_bytes // 2
    read, may_read = 0, asyncio.Event()

    async def bytes_of_it() -> bytes:
        nonlocal read
        read += 1
        await may_read.wait()
        return TWO_FACES

    requests = [
        asyncio.create_task(service.detect.execute(who, EncodedImage(largest, bytes_of_it)))
        for who in (service.alice, service.bob, guest())
    ]
    for _ in range(50):
        await asyncio.sleep(0)
    assert read == 1  # for large images; an eighth is kept for small ones
    small = await detect(service, service.bob)
    assert len(small.faces) == 2
    may_read.set()
    async with asyncio.timeout(10):
        await asyncio.gather(*requests)
    assert read == 3
