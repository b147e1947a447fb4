import asyncio
from collections.abc import Callable
from uuid import uuid4

import pytest

from adapters.filesystem import FileSystemDetectionSpool
from adapters.in_memory import InMemoryDetectionSpool
from application.errors import StoreUnavailable
from application.ports.detection_spool import DetectionSpool, SpooledDetection
from application.ports.image_store import StoredImage
from domain.emotion import Emotion
from tests.samples import Fixture, make_detection

MAX_BYTES = 200_000
SPOOLS: dict[str, Callable[[Fixture], DetectionSpool]] = {
    "in-memory": lambda fixture: InMemoryDetectionSpool(max_bytes=MAX_BYTES),
    "filesystem": lambda fixture: FileSystemDetectionSpool(
        folder=fixture("tmp_path") / "data" / "spool", max_bytes=MAX_BYTES
    ),
}


@pytest.fixture(params=SPOOLS)
def spool(request: pytest.FixtureRequest) -> DetectionSpool:
    return SPOOLS[request.param](request.getfixturevalue)


def entry(user_id: str = "alice", data: bytes = b"\xff\xd8\n{}\n\x00") -> SpooledDetection:
    detection = make_detection(Emotion.HAPPY, user_id=user_id)
    return SpooledDetection(detection, StoredImage(data, "image/jpeg"))


async def test_an_entry_comes_back_as_it_was_put(spool: DetectionSpool) -> None:
    waiting = entry()
    await spool.put(waiting)
    assert await spool.get(waiting.detection.detection_id) == waiting


async def test_a_record_without_an_image_waits_as_well(spool: DetectionSpool) -> None:
    waiting = SpooledDetection(make_detection(user_id="alice"), None)
    await spool.put(waiting)
    assert await spool.get(waiting.detection.detection_id) == waiting
    assert list(await spool.waiting("alice")) == [waiting.detection.detection_id]


async def test_an_unknown_entry_is_none(spool: DetectionSpool) -> None:
    key = uuid4()
    assert await spool.get(key) is None
    assert await spool.owner(key) is None
    assert not await spool.remove(key)
    assert list(await spool.waiting()) == []


async def test_entries_are_listed_in_order_of_arrival(spool: DetectionSpool) -> None:
    entries = [entry(user_id) for user_id in ("alice", "bob", "alice")]
    for waiting in entries:
        await spool.put(waiting)
    keys = [waiting.detection.detection_id for waiting in entries]
    assert list(await spool.waiting()) == keys
    assert list(await spool.waiting("alice")) == [keys[0], keys[2]]
    assert list(await spool.waiting("nobody")) == []
    assert [await spool.owner(key) for key in keys] == ["alice", "bob", "alice"]


async def test_a_removed_entry_is_gone(spool: DetectionSpool) -> None:
    waiting = entry()
    key = waiting.detection.detection_id
    await spool.put(waiting)
    assert await spool.remove(key)
    assert not await spool.remove(key)
    assert await spool.get(key) is None
    assert await spool.owner(key) is None
    assert list(await spool.waiting()) == []


async def test_putting_an_entry_again_keeps_one(spool: DetectionSpool) -> None:
    waiting = entry()
    await spool.put(waiting)
    await spool.put(waiting)
    assert list(await spool.waiting()) == [waiting.detection.detection_id]


async def test_a_full_spool_refuses_until_there_is_room_again(
    spool: DetectionSpool,
) -> None:
    large = entry(data=bytes(MAX_BYTES * 2 // 3))
    await spool.put(large)
    late = entry(data=bytes(MAX_BYTES // 2))
    with pytest.raises(StoreUnavailable, match="spool"):
        await spool.put(late)
    assert list(await spool.waiting()) == [large.detection.detection_id]
    await spool.remove(large.detection.detection_id)
    await spool.put(late)
    assert await spool.get(late.detection.detection_id) == late


async def test_concurrent_entries_stay_within_the_limit(spool: DetectionSpool) -> None:
    entries = [entry(data=bytes(MAX_BYTES // 4)) for _ in range(12)]
    outcomes = await asyncio.gather(*map(spool.put, entries), return_exceptions=True)
    refused = [outcome for outcome in outcomes if outcome is not None]
    assert all(isinstance(outcome, StoreUnavailable) for outcome in refused)
    kept = await spool.waiting()
    assert len(kept) == 12 - len(refused)
    assert 3 <= len(kept) <= 4


async def test_the_backlog_counts_waiting_entries(spool: DetectionSpool) -> None:
    before = spool.backlog()
    assert (before.entries, before.size_bytes, before.oldest_s) == (0, 0, 0.0)
    first, second = entry(), entry()
    await spool.put(first)
    alone = spool.backlog()
    await spool.put(second)
    both = spool.backlog()
    assert (alone.entries, both.entries) == (1, 2)
    assert both.size_bytes > alone.size_bytes > 0
    await spool.remove(first.detection.detection_id)
    await spool.remove(second.detection.detection_id)
    assert (spool.backlog().entries, spool.backlog().oldest_s) == (0, 0.0)
