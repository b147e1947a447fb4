"""An image with its faces drawn, for its owner, stored already or not."""

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest

from adapters.in_memory import InMemoryImageAnnotator, fake_image, reading_of
from application.errors import Overloaded
from application.ports.image_store import StoredImage
from application.use_cases.show_image import ShowImage
from application.work.priority import Priority
from domain.detection import Detection
from domain.emotion import Emotion
from domain.errors import Forbidden, NotFound
from domain.face import Face, FaceDetection
from domain.geometry import BoundingBox
from tests.unit.application.service import Service, until

BARE = StoredImage(fake_image(), "image/png")


@pytest.fixture
def annotator() -> InMemoryImageAnnotator:
    return InMemoryImageAnnotator()


@pytest.fixture
def showing(service: Service, annotator: InMemoryImageAnnotator) -> ShowImage:
    return service.show_image(annotator=annotator)


@pytest.fixture
async def record(service: Service) -> Detection:
    """A record with one happy face that waits to be stored."""
    found = FaceDetection(BoundingBox(10, 20, 80, 90), 0.9)
    face = Face(found, reading_of(Emotion.HAPPY, found))
    record = replace(service.analysed(), faces=(face,))
    await service.store.accept(record, BARE)
    return record


DRAWN = fake_image(((10, 20, 80, 90), Emotion.HAPPY))


async def test_faces_are_drawn_before_and_after_the_image_is_stored(
    service: Service, showing: ShowImage, record: Detection
) -> None:
    assert await showing.with_faces(service.alice, record.detection_id) == DRAWN
    await service.store.carry_due()
    assert await showing.with_faces(service.alice, record.detection_id) == DRAWN


async def test_other_users_do_not_get_the_annotated_image(
    service: Service, showing: ShowImage, record: Detection
) -> None:
    with pytest.raises(Forbidden):
        await showing.with_faces(service.bob, record.detection_id)
    with pytest.raises(NotFound):
        await showing.with_faces(service.alice, uuid4())


async def test_without_a_free_place_the_image_is_not_fetched(
    service: Service,
    showing: ShowImage,
    annotator: InMemoryImageAnnotator,
    record: Detection,
) -> None:
    annotator.hold()
    drawing = [
        asyncio.create_task(showing.with_faces(service.alice, record.detection_id))
        for _ in range(service.places)
    ]
    await until(lambda: service.gate.taken == service.places)
    service.spool.fail_with(AssertionError("the photograph was fetched"))
    with pytest.raises(Overloaded):
        await showing.with_faces(service.alice, record.detection_id)
    service.spool.recover()
    annotator.release()
    assert await asyncio.gather(*drawing) == [DRAWN] * service.places
    assert service.gate.taken == 0


async def test_many_drawings_for_one_user_leave_a_place_for_others(
    annotator: InMemoryImageAnnotator,
) -> None:
    service = Service(places=8)
    showing = service.show_image(annotator=annotator)
    await service.store.accept(record := service.analysed(), BARE)
    annotator.hold()
    drawing = [
        asyncio.create_task(showing.with_faces(service.alice, record.detection_id))
        for _ in range(20)
    ]
    await until(lambda: service.gate.taken == 7)
    service.gate.check()
    annotator.release()
    assert len(await asyncio.gather(*drawing)) == 20


async def test_detections_have_priority_over_drawings(service: Service, record: Detection) -> None:
    seen = []

    class Noting(InMemoryImageAnnotator):
        async def annotate(self, *args, priority: Priority = Priority.INTERACTIVE, **kwargs):
            seen.append(priority)
            return await super().annotate(*args, priority=priority, **kwargs)

    showing = service.show_image(annotator=Noting())
    await showing.with_faces(service.alice, record.detection_id)
    assert seen == [Priority.BULK]
