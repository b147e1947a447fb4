"""Failures of MongoDB, and what the server does itself."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from motor.motor_asyncio import AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo.errors import ServerSelectionTimeoutError

from adapters.circuit_breaker import CircuitBreaker
from adapters.mongodb import MongoDatabase, MongoDetectionRepository, MongoUsageLedger
from application.errors import StoreCircuitOpen, StoreUnavailable
from domain.detection import HistoryFilter
from domain.emotion import Emotion
from tests.samples import make_detection, records_of
from tests.servers.flaky import FlakyProxy, flaky_proxy
from tests.servers.mongodb import dropped

Database = AsyncIOMotorDatabase[dict[str, Any]]


def database_at(
    uri: str, name: str, *, breaker: CircuitBreaker | None = None, timeout_s: float = 30
) -> MongoDatabase:
    return MongoDatabase(
        uri=uri,
        name=name,
        timeout_s=timeout_s,
        max_connections=10,
        breaker=breaker or CircuitBreaker("MongoDB"),
    )


@pytest.fixture
async def mongodb(mongodb_uri: str, mongodb_name: str) -> AsyncIterator[MongoDatabase]:
    database = database_at(mongodb_uri, mongodb_name)
    await database.open()
    yield database
    await dropped(database)
    await database.close()


@pytest.fixture
async def proxy(mongodb_uri: str) -> AsyncIterator[FlakyProxy]:
    async with flaky_proxy(urlsplit(mongodb_uri).netloc) as proxy:
        yield proxy


async def test_the_server_deletes_expired_tokens_and_guest_counters(mongodb: MongoDatabase) -> None:
    async with mongodb.call() as database:
        found = {
            name: await database[name].index_information()
            for name in ("refresh_token_records", "usage_counts")
        }
    expiring = {
        (collection, index["key"][0][0])
        for collection, known in found.items()
        for index in known.values()
        if index.get("expireAfterSeconds") == 0
    }
    assert expiring == {
        ("refresh_token_records", "expires_at"), ("usage_counts", "window_ends_at")
    }  # fmt: skip


async def test_the_timeout_includes_resolving_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name_server_answers = threading.Event()

    def silent(*_: object, **__: object) -> list[object]:
        name_server_answers.wait(60)
        raise OSError("no such host")

    database = database_at("mongodb://mongo.example:27017", "test", timeout_s=0.2)
    monkeypatch.setattr(socket, "getaddrinfo", silent)
    try:
        async with asyncio.timeout(30):
            await database.open()
            with pytest.raises(StoreUnavailable):
                await database.check()
    finally:
        name_server_answers.set()
        monkeypatch.undo()
        await database.close()


async def test_the_counter_of_a_user_does_not_expire(mongodb: MongoDatabase) -> None:
    await MongoUsageLedger(mongodb).consume({"alice": None}, datetime(2020, 1, 1, tzinfo=UTC), None)
    async with mongodb.call() as database:
        kept = await database["usage_counts"].find_one({"_id": "alice"})
    assert kept is not None
    assert "window_ends_at" not in kept


async def test_dates_are_stored_as_native_dates(mongodb: MongoDatabase) -> None:
    await MongoDetectionRepository(mongodb).add(make_detection())
    since = {"timestamp": {"$gte": datetime(2026, 1, 1, tzinfo=UTC)}}
    async with mongodb.call() as database:
        assert await database["detection_records"].count_documents(since) == 1


async def test_a_server_that_is_down_at_the_start_is_used_later(
    proxy: FlakyProxy, mongodb_name: str
) -> None:
    proxy.stop()
    uri = f"mongodb://{proxy.address}/?directConnection=true"
    database = database_at(uri, mongodb_name, timeout_s=0.3)
    await database.open()
    repository = MongoDetectionRepository(database)
    with pytest.raises(StoreUnavailable):
        await repository.add(make_detection())
    proxy.behave()
    detection = make_detection()
    async with asyncio.timeout(30):
        while True:
            try:
                await repository.add(detection)
                break
            except StoreUnavailable:
                await asyncio.sleep(0)
    assert await repository.get(detection.detection_id) == detection
    await dropped(database)
    await database.close()


async def test_concurrent_callers_of_a_server_that_is_down_share_one_attempt(
    mongodb_uri: str, mongodb_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts, begun, times_out = [], asyncio.Event(), asyncio.Event()

    async def create_indexes(*_: object) -> None:
        attempts.append(1)
        begun.set()
        await times_out.wait()
        raise ServerSelectionTimeoutError("no server")

    database = database_at(
        mongodb_uri, mongodb_name, breaker=CircuitBreaker("MongoDB", failures=99)
    )
    with monkeypatch.context() as patch:
        patch.setattr(AsyncIOMotorCollection, "create_indexes", create_indexes)
        times_out.set()
        await database.open()
        times_out.clear()
        begun.clear()
        attempts.clear()
        calls = [asyncio.create_task(database.check()) for _ in range(12)]
        await begun.wait()
        times_out.set()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * 12
    assert len(attempts) == 1
    await database.check()
    await dropped(database)
    await database.close()


async def test_a_silent_server_times_out_and_opens_the_circuit(
    proxy: FlakyProxy, mongodb_name: str
) -> None:
    uri = f"mongodb://{proxy.address}/?directConnection=true"
    breaker = CircuitBreaker("MongoDB", failures=1, pause_s=3600)
    database = database_at(uri, mongodb_name, timeout_s=5, breaker=breaker)
    await database.open()
    proxy.fall_silent()
    with pytest.raises(StoreUnavailable):
        await database.check()
    proxy.behave()
    with pytest.raises(StoreCircuitOpen) as refused:
        await database.check()
    assert refused.value.retry_after_s > 3000
    await database.close()


async def test_other_work_goes_on_while_connections_to_a_silent_server_are_closed(
    proxy: FlakyProxy, mongodb_name: str
) -> None:
    uri = f"mongodb://{proxy.address}/?directConnection=true"
    database = database_at(uri, mongodb_name, timeout_s=2)
    await database.open()
    proxy.fall_silent()
    closing = asyncio.create_task(database.close())
    _, unfinished = await asyncio.wait({closing}, timeout=0.1)
    assert unfinished
    async with asyncio.timeout(30):
        await closing


async def test_a_write_is_retried_after_a_broken_connection(
    proxy: FlakyProxy, mongodb_name: str
) -> None:
    uri = f"mongodb://{proxy.address}/?directConnection=true"
    database = database_at(uri, mongodb_name)
    await database.open()
    repository = MongoDetectionRepository(database)
    await repository.add(make_detection())
    proxy.break_once()
    detection = make_detection()
    await repository.add(detection)
    assert await repository.get(detection.detection_id) == detection
    await dropped(database)
    await database.close()


@pytest.mark.parametrize(("option", "retries"), [("", True), ("?retryWrites=false", False)])
async def test_writes_are_retried_once_unless_the_uri_disables_it(
    mongodb_uri: str, mongodb_name: str, option: str, retries: bool
) -> None:
    database = database_at(mongodb_uri + option, mongodb_name)
    await database.open()
    async with database.call() as opened:
        assert opened.client.delegate.options.retry_writes is retries
    await dropped(database)
    await database.close()


@pytest.mark.parametrize(
    "uri",
    [
        "mongodb://user:hush@hush@host:1/",
        "mongodb://user:hush-hush@host:port/",
        "mongodb://user:hush-hush@127.0.0.1:9/",
    ],
)
async def test_errors_about_a_uri_contain_no_password(
    uri: str, caplog: pytest.LogCaptureFixture
) -> None:
    database = database_at(uri, "emotions", timeout_s=0.2)
    said = ""
    try:
        await database.open()
        await database.check()
    except StoreUnavailable as error:
        said = f"{error} {error.__cause__}"
    await database.close()
    assert said
    assert "hush" not in said + caplog.text


moments = st.datetimes(
    min_value=datetime(2026, 1, 1), max_value=datetime(2026, 1, 2), timezones=st.just(UTC)
)
names = st.none() | st.text("aAßé%_.\\'", max_size=4)


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    records=st.lists(st.tuples(st.lists(st.sampled_from(Emotion), max_size=2), moments, names)),
    wanted=st.builds(
        HistoryFilter,
        from_date=st.none() | moments,
        to_date=st.none() | moments,
        keyword=st.none() | st.text("aAßé%_.\\'", max_size=2) | st.sampled_from(["sad", "happy"]),
        emotion=st.none() | st.sampled_from(Emotion),
    ),
)
async def test_mongodb_finds_exactly_what_the_filter_matches(
    mongodb: MongoDatabase,
    records: list[tuple[list[Emotion], datetime, str | None]],
    wanted: HistoryFilter,
) -> None:
    user_id, repository = uuid4().hex, MongoDetectionRepository(mongodb)
    kept = [
        make_detection(*emotions, user_id=user_id, timestamp=moment, filename=name)
        for emotions, moment, name in records
    ]
    for detection in kept:
        await repository.add(detection)
    found = await records_of(repository, user_id, wanted)
    expected = {d.detection_id for d in kept if wanted.matches(d)}
    assert {d.detection_id for d in found} == expected
    assert await repository.count(user_id, wanted) == len(expected)


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("mongodb://127.0.0.1:9/", "127.0.0.1:9: [Errno"),
        ("mongodb://nowhere.invalid/", "nowhere.invalid:27017: [Errno"),
        ("{server}?replicaSet=other", "no server is in the replica set other"),
        ("mongodb://me:hunter2@{address}/?authSource=admin", "it refuses the user or the password"),
    ],
)
async def test_a_start_without_the_database_says_what_is_wrong(
    mongodb_uri: str, caplog: pytest.LogCaptureFixture, uri: str, reason: str
) -> None:
    address = urlsplit(mongodb_uri).netloc
    database = database_at(uri.format(server=mongodb_uri, address=address), "any", timeout_s=2)
    await database.open()
    await database.close()
    (line,) = [r.getMessage() for r in caplog.records if "starting without" in r.getMessage()]
    assert f": {reason}" in line
    assert "hunter2" not in line
