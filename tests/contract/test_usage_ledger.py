import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from adapters.in_memory import InMemoryUsageLedger
from adapters.mongodb import MongoUsageLedger
from adapters.sqlite import SqliteUsageLedger
from application.ports.usage_ledger import UsageCount, UsageLedger
from tests.samples import NOON, Fixture

LEDGERS: dict[str, Callable[[Fixture], UsageLedger]] = {
    "in-memory": lambda fixture: InMemoryUsageLedger(),
    "sqlite": lambda fixture: SqliteUsageLedger(fixture("sqlite_database")),
    "mongodb": lambda fixture: MongoUsageLedger(fixture("mongodb_database")),
}
DAY_S = 86_400
TOMORROW = NOON + timedelta(seconds=DAY_S)


@pytest.fixture(params=LEDGERS)
def ledger(request: pytest.FixtureRequest) -> UsageLedger:
    return LEDGERS[request.param](request.getfixturevalue)


async def test_a_count_is_zero_before_the_first_use(ledger: UsageLedger) -> None:
    assert await ledger.read("alice", NOON) == UsageCount()


async def test_uses_without_a_limit_are_counted_forever(ledger: UsageLedger) -> None:
    much_later = NOON + timedelta(days=4000)
    for at in (NOON, much_later):
        assert await ledger.consume({"alice": None}, at, None) is None
    assert await ledger.read("alice", much_later) == UsageCount(2, None, much_later)
    assert await ledger.read("bob", much_later) == UsageCount()


async def test_a_limit_holds_within_its_window_and_restarts_after_it(
    ledger: UsageLedger,
) -> None:
    limits = {"guest": 2}
    half_way = NOON + timedelta(seconds=DAY_S / 2)
    assert await ledger.consume(limits, NOON, DAY_S) is None
    assert await ledger.consume(limits, half_way, DAY_S) is None
    assert await ledger.consume(limits, half_way, DAY_S) == "guest"
    assert await ledger.read("guest", half_way) == UsageCount(2, TOMORROW, half_way)
    last_moment = TOMORROW - timedelta(microseconds=1)
    assert await ledger.consume(limits, last_moment, DAY_S) == "guest"
    assert await ledger.read("guest", TOMORROW) == UsageCount()
    assert await ledger.consume(limits, TOMORROW, DAY_S) is None
    after = await ledger.read("guest", TOMORROW)
    assert after == UsageCount(1, TOMORROW + timedelta(seconds=DAY_S), TOMORROW)


async def test_a_use_is_counted_for_every_subject_or_for_none(ledger: UsageLedger) -> None:
    assert await ledger.consume({"g1": 3, "address": 1}, NOON, DAY_S) is None
    assert await ledger.consume({"g2": 3, "address": 1}, NOON, DAY_S) == "address"
    assert (await ledger.read("g2", NOON)).count == 0
    assert (await ledger.read("address", NOON)).count == 1


async def test_windows_of_two_subjects_are_independent(ledger: UsageLedger) -> None:
    later = NOON + timedelta(hours=1)
    await ledger.consume({"g1": 3, "address": 6}, NOON, DAY_S)
    await ledger.consume({"g2": 3, "address": 6}, later, DAY_S)
    assert (await ledger.read("g2", later)).window_ends_at == later + timedelta(days=1)
    assert (await ledger.read("address", later)).window_ends_at == TOMORROW


async def test_a_limit_of_zero_allows_nothing(ledger: UsageLedger) -> None:
    assert await ledger.consume({"guest": 0}, NOON, DAY_S) == "guest"


async def test_fifty_concurrent_uses_stay_within_the_limit(ledger: UsageLedger) -> None:
    uses = (ledger.consume({f"g{n}": 3, "address": 6}, NOON, DAY_S) for n in range(50))
    refused = [subject for subject in await asyncio.gather(*uses) if subject is not None]
    assert refused == ["address"] * 44
    assert (await ledger.read("address", NOON)).count == 6
    counted = [(await ledger.read(f"g{n}", NOON)).count for n in range(50)]
    assert sum(counted) == 6


async def test_a_refund_gives_one_use_back(ledger: UsageLedger) -> None:
    limits = {"g1": 1, "address": 1}
    await ledger.consume(limits, NOON, DAY_S)
    await ledger.refund(["g1", "address"])
    assert (await ledger.read("g1", NOON)).count == 0
    assert await ledger.consume(limits, NOON, DAY_S) is None


async def test_refunds_never_take_a_count_below_zero(ledger: UsageLedger) -> None:
    await ledger.refund(["never seen"])
    assert await ledger.read("never seen", NOON) == UsageCount()
    await ledger.consume({"g1": 1}, NOON, DAY_S)
    await ledger.refund(["g1"])
    await ledger.refund(["g1"])
    assert (await ledger.read("g1", NOON)).count == 0
    assert await ledger.consume({"g1": 1}, NOON, DAY_S) is None
    assert await ledger.consume({"g1": 1}, NOON, DAY_S) == "g1"


async def test_only_counters_whose_window_is_over_are_deleted(ledger: UsageLedger) -> None:
    await ledger.consume({"g1": 3, "address": 6}, NOON, DAY_S)
    await ledger.consume({"g2": 3}, NOON + timedelta(seconds=1), DAY_S)
    await ledger.consume({"alice": None}, NOON, None)
    end = NOON + timedelta(seconds=DAY_S)
    assert await ledger.delete_expired(end - timedelta(microseconds=1)) == 0
    assert await ledger.delete_expired(end) == 2
    assert (await ledger.read("g2", end)).count == 1
    assert (await ledger.read("alice", end)).count == 1


async def test_a_counter_can_be_deleted(ledger: UsageLedger) -> None:
    await ledger.consume({"alice": None}, NOON, None)
    await ledger.consume({"bob": None}, NOON, None)
    await ledger.forget("alice")
    await ledger.forget("nobody")
    assert await ledger.read("alice", NOON) == UsageCount()
    assert (await ledger.read("bob", NOON)).count == 1
