import asyncio
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.in_memory import (
    InMemoryDetectionRepository,
)
from adapters.mongodb import MongoDetectionRepository
from adapters.sqlite import SqliteDatabase, SqliteDetectionRepository
from application.ports.detection_repository import DetectionRepository
from domain.detection import Detection, HistoryFilter, StorageStatus
from domain.emotion import Emotion
from domain.user import User
from tests.samples import (
    EVERYTHING,
    NOON,
    Fixture,
    erase_history,
    make_detection,
    records_of,
)

REPOSITORIES: dict[str, Callable[[Fixture], DetectionRepository]] = {
    "in-memory": lambda fixture: InMemoryDetectionRepository(),
    "sqlite": lambda fixture: SqliteDetectionRepository(fixture("sqlite_database")),
    "mongodb": lambda fixture: MongoDetectionRepository(fixture("mongodb_database")),
}


@pytest.fixture(params=REPOSITORIES)
def repository(request: pytest.FixtureRequest) -> DetectionRepository:
    return REPOSITORIES[request.param](request.getfixturevalue)


async def written_by_a_newer_version(repository: DetectionRepository, detection_id: UUID) -> None:
    """Make the record unreadable for this version of the service."""
    if isinstance(repository, SqliteDetectionRepository):

        def damage(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE detections SET record = json_set(record, '$.version', 99) "
                "WHERE detection_id = ?",
                (str(detection_id),),
            )

        await repository._database.write(damage)
    elif isinstance(repository, MongoDetectionRepository):
        async with repository._database.call() as database:
            await database["detection_records"].update_one(
                {"_id": detection_id}, {"$set": {"version": 99}}
            )
    else:
        assert isinstance(repository, InMemoryDetectionRepository)
        repository.make_unreadable(detection_id)


async def ids(
    repository: DetectionRepository,
    user_id: str = "alice",
    wanted: HistoryFilter = EVERYTHING,
    *,
    skip: int = 0,
    limit: int = 10,
) -> list[UUID]:
    found = await records_of(repository, user_id, wanted, skip=skip, limit=limit)
    return [detection.detection_id for detection in found]


async def filenames(repository: DetectionRepository, wanted: HistoryFilter) -> set[str | None]:
    found = await records_of(repository, "alice", wanted)
    assert await repository.count("alice", wanted) == len(found)
    return {d.filename for d in found}


async def test_a_record_comes_back_as_it_was_added(repository: DetectionRepository) -> None:
    detection = make_detection(Emotion.HAPPY, Emotion.FEAR)
    await repository.add(detection)
    assert await repository.get(detection.detection_id) == detection


async def test_an_unknown_record_is_none(repository: DetectionRepository) -> None:
    assert await repository.get(uuid4()) is None


async def test_adding_a_record_again_changes_nothing(repository: DetectionRepository) -> None:
    detection = make_detection()
    await repository.add(detection)
    stored = detection.stored_at("/api/images/1")
    assert await repository.update_storage(stored)
    await repository.add(detection)
    assert await repository.get(detection.detection_id) == stored
    assert await repository.count("alice", EVERYTHING) == 1


async def test_records_are_sorted_newest_first_then_by_descending_id(
    repository: DetectionRepository,
) -> None:
    low, high = sorted([uuid4(), uuid4()])
    old = make_detection(timestamp=NOON - timedelta(microseconds=1))
    for detection in (
        make_detection(detection_id=low),
        old,
        make_detection(detection_id=high),
    ):
        await repository.add(detection)
    assert await ids(repository) == [high, low, old.detection_id]


async def test_times_are_ordered_across_time_zones(repository: DetectionRepository) -> None:
    tokyo = timezone(timedelta(hours=9))
    earlier = make_detection(timestamp=datetime(2026, 5, 4, 20, tzinfo=tokyo))
    later = make_detection(timestamp=NOON)
    await repository.add(later)
    await repository.add(earlier)
    assert await ids(repository) == [later.detection_id, earlier.detection_id]


async def test_pages_cover_the_history_without_gap_or_repetition(
    repository: DetectionRepository,
) -> None:
    for number in range(25):
        moment = NOON + timedelta(seconds=number // 5)  # several at the same time
        await repository.add(make_detection(timestamp=moment))
    whole = await ids(repository, limit=100)
    pages = [await ids(repository, skip=skip, limit=10) for skip in (0, 10, 20, 30)]
    assert [len(page) for page in pages] == [10, 10, 5, 0]
    assert [key for page in pages for key in page] == whole
    assert await repository.count("alice", EVERYTHING) == 25


async def test_skipping_more_records_than_exist_gives_an_empty_page(
    repository: DetectionRepository,
) -> None:
    await repository.add(make_detection())
    assert await ids(repository, skip=10**30) == []


async def test_iterating_gives_every_record_once(
    repository: DetectionRepository,
) -> None:
    records = [make_detection(timestamp=NOON + timedelta(seconds=n // 7)) for n in range(250)]
    await asyncio.gather(*map(repository.add, records))
    seen = [detection.detection_id for detection in await records_of(repository)]
    expected = sorted(records, key=lambda d: (d.timestamp, d.detection_id), reverse=True)
    assert seen == [detection.detection_id for detection in expected]


async def test_records_deleted_while_iterating_do_not_disturb_the_rest(
    repository: DetectionRepository,
) -> None:
    records = [make_detection(timestamp=NOON + timedelta(seconds=n)) for n in range(220)]
    await asyncio.gather(*map(repository.add, records))
    seen = []
    async for part in repository.iterate("alice", EVERYTHING):
        for detection in part:
            seen.append(detection.detection_id)
            await repository.delete(detection.detection_id)
    assert len(seen) == len(set(seen)) == 220


async def test_a_part_holds_few_records_or_one_that_is_large(
    repository: DetectionRepository,
) -> None:
    crowd = [Emotion.HAPPY, Emotion.SAD] * 250
    records = [
        make_detection(*(crowd if n % 2 else ()), timestamp=NOON + timedelta(seconds=n))
        for n in range(12)
    ]
    await asyncio.gather(*map(repository.add, records))
    parts = [
        [len(record.faces) for record in part]
        async for part in repository.iterate("alice", EVERYTHING, skip=1, limit=10)
    ]
    assert [faces for part in parts for faces in part] == [0, 500] * 5
    if not isinstance(repository, InMemoryDetectionRepository):  # it holds all of them anyway
        assert max(map(sum, parts)) == 500


@pytest.mark.parametrize(("skip", "limit"), [(0, 0), (3, 7), (0, 25), (20, 10), (24, 1), (25, 5)])
async def test_a_stretch_of_the_history_is_read_exactly(
    repository: DetectionRepository, skip: int, limit: int
) -> None:
    records = [make_detection(timestamp=NOON - timedelta(seconds=n)) for n in range(25)]
    await asyncio.gather(*map(repository.add, records))
    expected = [record.detection_id for record in records[skip:][:limit]]
    assert await ids(repository, skip=skip, limit=limit) == expected


async def test_a_user_sees_own_records_only(repository: DetectionRepository) -> None:
    alices, bobs = make_detection(), make_detection(user_id="bob")
    await repository.add(alices)
    await repository.add(bobs)
    assert await ids(repository, "alice") == [alices.detection_id]
    assert await records_of(repository, "bob") == [bobs]


@pytest.mark.parametrize("user_id", ["Alice", "alice ", "al%", "a_ice", "alice' OR '1'='1", ""])
async def test_user_ids_are_compared_exactly(repository: DetectionRepository, user_id: str) -> None:
    await repository.add(make_detection())
    assert await repository.count(user_id, EVERYTHING) == 0
    assert await records_of(repository, user_id) == []


async def test_date_bounds_are_inclusive_to_the_microsecond(
    repository: DetectionRepository,
) -> None:
    detection = make_detection()
    await repository.add(detection)
    tick = timedelta(microseconds=1)
    for wanted, found in [
        (HistoryFilter(from_date=NOON, to_date=NOON), 1),
        (HistoryFilter(from_date=NOON + tick), 0),
        (HistoryFilter(to_date=NOON - tick), 0),
        (HistoryFilter(from_date=datetime.min.replace(tzinfo=UTC)), 1),
        (HistoryFilter(to_date=datetime.max.replace(tzinfo=UTC)), 1),
    ]:
        assert await repository.count("alice", wanted) == found


async def test_a_keyword_finds_part_of_a_name_in_any_case_and_script(
    repository: DetectionRepository,
) -> None:
    names = [
        "Straße.JPG",
        "ÉTÉ à la mer.png",
        "Πλατεία.jpg",
        "生日.jpg",
        "100%_off.jpg",
        "100x.jpg",
    ]
    for name in names:
        await repository.add(make_detection(filename=name))
    await repository.add(make_detection(filename=None))
    for keyword, expected in [
        ("STRASSE", {"Straße.JPG"}),
        ("été", {"ÉTÉ à la mer.png"}),
        ("ΠΛΑΤΕΊΑ", {"Πλατεία.jpg"}),
        ("生", {"生日.jpg"}),
        ("%", {"100%_off.jpg"}),
        ("0%_", {"100%_off.jpg"}),
        ("100_", set()),
        ("\\", set()),
        ("'", set()),
        (".jpg", {"Straße.JPG", "Πλατεία.jpg", "生日.jpg", "100%_off.jpg", "100x.jpg"}),
        ("", {*names, None}),
    ]:
        assert await filenames(repository, HistoryFilter(keyword=keyword)) == expected, keyword


async def test_a_file_name_that_is_not_valid_unicode_is_kept_and_found(
    repository: DetectionRepository,
) -> None:
    detection = make_detection(filename="caf\udce9\x00.jpg")
    await repository.add(detection)
    assert await repository.get(detection.detection_id) == detection
    assert await repository.count("alice", HistoryFilter(keyword="F\udce9")) == 1


async def test_a_keyword_that_is_an_emotion_finds_faces_and_names(
    repository: DetectionRepository,
) -> None:
    await repository.add(make_detection(Emotion.SAD, Emotion.HAPPY, filename="a.jpg"))
    await repository.add(make_detection(Emotion.SAD, filename="unhappy.jpg"))
    await repository.add(make_detection(Emotion.SAD, filename="b.jpg"))
    assert await filenames(repository, HistoryFilter(keyword="Happy")) == {"a.jpg", "unhappy.jpg"}
    assert await filenames(repository, HistoryFilter(emotion=Emotion.HAPPY)) == {"a.jpg"}
    assert await filenames(repository, HistoryFilter(keyword="happ")) == {"unhappy.jpg"}
    both = HistoryFilter(keyword="unh", emotion=Emotion.SAD)
    assert await filenames(repository, both) == {"unhappy.jpg"}


async def test_storage_is_updated_and_nothing_else(repository: DetectionRepository) -> None:
    detection = make_detection(Emotion.HAPPY)
    await repository.add(detection)
    changed = make_detection(filename="other.jpg", detection_id=detection.detection_id)
    assert await repository.update_storage(changed.stored_at("/api/images/1"))
    assert await repository.get(detection.detection_id) == detection.stored_at("/api/images/1")
    assert await repository.update_storage(detection.storing_failed())
    found = await repository.get(detection.detection_id)
    assert found is not None
    assert (found.storage, found.image_url) == (StorageStatus.FAILED, None)


async def test_updating_a_deleted_record_does_not_bring_it_back(
    repository: DetectionRepository,
) -> None:
    detection = make_detection()
    await repository.add(detection)
    assert await repository.delete(detection.detection_id)
    assert not await repository.update_storage(detection.stored_at("/api/images/1"))
    assert await repository.get(detection.detection_id) is None


async def test_deleting_a_missing_record_returns_false(repository: DetectionRepository) -> None:
    assert not await repository.delete(uuid4())


async def test_an_unreadable_record_hides_no_other_and_can_be_erased(
    repository: DetectionRepository,
) -> None:
    old, newer, new = (
        make_detection(Emotion.HAPPY, timestamp=NOON + timedelta(seconds=n)) for n in range(3)
    )
    for detection in (old, newer, new):
        await repository.add(detection)
    await written_by_a_newer_version(repository, newer.detection_id)

    found = await records_of(repository)
    assert [d.detection_id for d in found] == [
        new.detection_id,
        newer.detection_id,
        old.detection_id,
    ]
    assert await repository.count("alice", EVERYTHING) == 3
    shown = found[1]
    assert await repository.get(newer.detection_id) == shown
    assert (shown.user_id, shown.timestamp) == ("alice", newer.timestamp)
    # A detection that still waits for its image is finished, and not retried forever.
    assert await repository.update_storage(newer.stored_at("/api/images/1"))
    again = await repository.get(newer.detection_id)
    assert again is not None
    assert (again.filename, again.faces) == (None, ())

    assert await erase_history(repository).everything(User.known_by_id_alone("alice")) == 3
    assert await ids(repository) == []


async def test_wiping_removes_only_deleted_records(repository: DetectionRepository) -> None:
    kept, gone = make_detection(), make_detection()
    await repository.add(kept)
    await repository.add(gone)
    await repository.delete(gone.detection_id)
    await repository.wipe()
    await repository.wipe()
    assert await ids(repository) == [kept.detection_id]


async def test_concurrent_calls_lose_nothing(repository: DetectionRepository) -> None:
    records = [make_detection(Emotion.HAPPY) for _ in range(50)]
    await asyncio.gather(*map(repository.add, records))
    stored = [record.stored_at("/api/images/1") for record in records]
    assert all(await asyncio.gather(*map(repository.update_storage, stored)))
    found = await records_of(repository, "alice", HistoryFilter(emotion=Emotion.HAPPY))
    assert {d.detection_id for d in found} == {d.detection_id for d in records}
    assert {d.storage for d in found} == {StorageStatus.DONE}


async def test_a_working_repository_passes_its_check(repository: DetectionRepository) -> None:
    await repository.check()


moments = st.datetimes(
    min_value=datetime(2026, 1, 1), max_value=datetime(2026, 1, 2), timezones=st.just(UTC)
)
names = st.none() | st.text("aAßé%_\\'", max_size=4)


@settings(max_examples=40)
@given(
    records=st.lists(st.tuples(st.lists(st.sampled_from(Emotion), max_size=2), moments, names)),
    wanted=st.builds(
        HistoryFilter,
        from_date=st.none() | moments,
        to_date=st.none() | moments,
        keyword=st.none() | st.text("aAßé%_\\'", max_size=2) | st.sampled_from(["sad", "happy"]),
        emotion=st.none() | st.sampled_from(Emotion),
    ),
)
async def test_sqlite_finds_exactly_what_the_filter_matches(
    tmp_path_factory: pytest.TempPathFactory,
    records: list[tuple[list[Emotion], datetime, str | None]],
    wanted: HistoryFilter,
) -> None:
    database = SqliteDatabase(tmp_path_factory.mktemp("found") / "emotions.db")
    await database.open()
    try:
        repository = SqliteDetectionRepository(database)
        kept: list[Detection] = [
            make_detection(*emotions, timestamp=moment, filename=name)
            for emotions, moment, name in records
        ]
        for detection in kept:
            await repository.add(detection)
        expected = {d.detection_id for d in kept if wanted.matches(d)}
        assert set(await ids(repository, wanted=wanted, limit=100)) == expected
    finally:
        await database.close()
