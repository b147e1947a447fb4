"""Several images at once, answered as they finish."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import pytest

from adapters.in_memory import InMemoryFaceDetector, fake_image
from application.errors import Overloaded, StoreUnavailable
from application.use_cases.detect_batch import BatchOutcome
from application.work.priority import Priority
from domain.detection import Detection, HistoryFilter
from domain.emotion import Emotion
from domain.errors import BatchTooLarge, ImageTooLarge, InvalidImage, InvalidRequest
from domain.image import EncodedImage
from tests.unit.application.service import Service, guest, until

IMAGE = fake_image(((10, 10, 80, 90), Emotion.SAD))


def file(name: str, data: bytes = IMAGE) -> EncodedImage:
    return EncodedImage.of(data, name)


class Uploads:
    """Files whose bytes the test releases, and that count how often they were read."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.given: dict[str, asyncio.Event] = {}

    def file(self, name: str) -> EncodedImage:
        self.given[name] = asyncio.Event()

        async def read() -> bytes:
            self.asked.append(name)
            await self.given[name].wait()
            return IMAGE

        return EncodedImage(len(IMAGE), read, name)


async def run(service: Service, *files: EncodedImage) -> list[BatchOutcome]:
    return [outcome async for outcome in service.batch.execute(service.alice, files)]


async def uses(service: Service) -> int:
    return (await service.meter.usage(service.alice)).count


async def stored(service: Service) -> int:
    return await service.repository.count("alice", HistoryFilter())


async def test_every_file_gets_one_outcome_under_its_own_name(service: Service) -> None:
    outcomes = await run(service, file("a.jpg"), file("b.jpg"), file("c.jpg"))
    assert sorted(str(outcome.filename) for outcome in outcomes) == ["a.jpg", "b.jpg", "c.jpg"]
    for outcome in outcomes:
        assert isinstance(outcome.result, Detection)
        assert outcome.result.filename == outcome.filename
    assert (await uses(service), await stored(service)) == (3, 3)


async def test_outcomes_are_returned_in_the_order_they_finish(service: Service) -> None:
    uploads = Uploads()
    files = [uploads.file("slow"), uploads.file("quick")]
    async with aclosing(service.batch.execute(service.alice, files)) as outcomes:
        uploads.given["quick"].set()
        assert (await anext(outcomes)).filename == "quick"
        uploads.given["slow"].set()
        assert (await anext(outcomes)).filename == "slow"


async def broken() -> bytes:
    raise KeyError("a bug")


async def too_large() -> bytes:
    raise ImageTooLarge("a file may have 5 MiB", limit=5 * 1024 * 1024)


async def no_image() -> bytes:
    return b"no image"


@pytest.mark.parametrize(
    ("read", "error"), [(no_image, InvalidImage), (too_large, ImageTooLarge), (broken, KeyError)]
)
async def test_one_bad_file_does_not_stop_the_rest(
    service: Service, read: Callable[[], Awaitable[bytes]], error: type[Exception]
) -> None:
    outcomes = await run(service, file("a"), EncodedImage(1, read, "bad"), file("b"), file("c"))
    results = {outcome.filename: outcome.result for outcome in outcomes}
    assert isinstance(results.pop("bad"), error)
    assert all(isinstance(result, Detection) for result in results.values())
    assert (len(results), await uses(service), await stored(service)) == (3, 3, 3)


async def test_files_that_cannot_be_stored_are_reported_and_not_charged(service: Service) -> None:
    service.spool.fail_with(StoreUnavailable("the disk is full"))
    outcomes = await run(service, file("a"), file("b"))
    assert all(isinstance(outcome.result, StoreUnavailable) for outcome in outcomes)
    assert await uses(service) == 0


async def test_an_empty_batch_is_refused(service: Service) -> None:
    with pytest.raises(InvalidRequest):
        await run(service)


async def test_too_many_files_are_refused_before_any_is_read(service: Service) -> None:
    uploads = Uploads()
    with pytest.raises(BatchTooLarge) as refusal:
        await run(service, *(uploads.file(str(number)) for number in range(6)))
    assert refusal.value.details == {"limit": 5}
    assert uploads.asked == []


async def test_without_a_free_place_the_batch_is_refused_before_any_file_is_read() -> None:
    service, uploads = Service(places=1), Uploads()
    with service.gate.admit(), pytest.raises(Overloaded):
        await run(service, uploads.file("a"))
    assert uploads.asked == []
    assert await uses(service) == 0


async def test_only_a_few_files_are_in_memory_at_a_time(service: Service) -> None:
    uploads = Uploads()
    names = ["a", "b", "c", "d", "e"]
    batch = asyncio.create_task(run(service, *map(uploads.file, names)))
    await until(lambda: len(uploads.asked) == 2)
    for done, name in enumerate(names, start=1):
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(uploads.asked) == min(done + 1, 5)
        uploads.given[name].set()
    assert len(await batch) == 5
    assert uploads.asked == names


async def test_closing_early_stops_unfinished_files_and_charges_finished_ones(
    service: Service,
) -> None:
    uploads = Uploads()
    files = [file("first"), *map(uploads.file, ["a", "b", "c"])]
    async with aclosing(service.batch.execute(service.alice, files)) as batch:
        assert (await anext(batch)).filename == "first"
        await until(lambda: len(uploads.asked) == 2)
    assert uploads.asked == ["a", "b"]
    assert (await uses(service), await stored(service), service.gate.taken) == (1, 1, 0)


async def test_a_disconnected_batch_frees_its_place_and_pays_for_finished_files_only(
    service: Service,
) -> None:
    uploads = Uploads()
    batch = asyncio.create_task(run(service, *map(uploads.file, ["a", "b", "c"])))
    await until(lambda: len(uploads.asked) == 2)
    service.ledger.hold()
    for _ in range(5):  # A server may cancel repeatedly, at every await.
        batch.cancel()
        await asyncio.sleep(0)
    service.ledger.release()
    with pytest.raises(asyncio.CancelledError):
        await batch
    assert (await uses(service), service.gate.taken) == (0, 0)


async def test_a_batch_takes_a_place_per_image_and_yields_to_single_images() -> None:
    seen = []

    class Watched(InMemoryFaceDetector):
        async def detect(self, *args, priority: Priority = Priority.INTERACTIVE, **kwargs):
            seen.append((priority, service.gate.taken))
            await asyncio.sleep(0)
            return await super().detect(*args, **kwargs)

    service = Service(detector=Watched())
    await run(service, file("a"), file("b"), file("c"), file("d"))
    assert {priority for priority, _ in seen} == {Priority.BULK}
    assert max(taken for _, taken in seen) == 2
    assert service.gate.taken == 0


async def test_a_batch_with_unread_outcomes_holds_no_place(service: Service) -> None:
    files = [file(name) for name in "abcde"]
    async with aclosing(service.batch.execute(service.alice, files)) as outcomes:
        await anext(outcomes)
        await until(lambda: service.telemetry.counts["face_read"] == 5)
        await until(lambda: service.gate.taken == 0)
        assert len([outcome async for outcome in outcomes]) == 4


async def test_batches_leave_half_of_the_places_to_single_images() -> None:
    service, uploads = Service(places=4), Uploads()
    names = ["a", "b", "c", "d"]
    batches = [
        asyncio.create_task(run(service, *map(uploads.file, names[n : n + 2]))) for n in (0, 2)
    ]
    await until(lambda: len(uploads.asked) == 2)
    for _ in range(50):
        await asyncio.sleep(0)
    assert (service.gate.taken, len(uploads.asked)) == (2, 2)
    with service.gate.admit(), service.gate.admit():
        pass
    for name in names:
        uploads.given[name].set()
    assert [len(outcomes) for outcomes in await asyncio.gather(*batches)] == [2, 2]


async def test_guests_who_wait_to_be_counted_take_no_place_from_users() -> None:
    service = Service(places=2)
    service.ledger.hold()
    waiting = [
        asyncio.create_task(service.detect.execute(guest(f"guest:{n}"), EncodedImage.of(IMAGE)))
        for n in range(5)
    ]
    found = await service.detect.execute(service.alice, EncodedImage.of(IMAGE))
    assert len(found.faces) == 1
    service.ledger.release()
    for outcome in await asyncio.gather(*waiting, return_exceptions=True):
        assert not isinstance(outcome, StoreUnavailable)
