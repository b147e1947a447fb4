import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from adapters.in_memory import InMemoryClock, InMemorySessionPlaces
from adapters.redis import RedisDatabase, RedisSessionPlaces
from adapters.single_process import SingleProcessSessionPlaces
from application.errors import StoreUnavailable
from application.ports.clock import Clock
from application.ports.session_places import LEASE_S, SessionPlaces


@dataclass
class Counter:
    """The places, and a way to advance time for all holders."""

    places: SessionPlaces
    pass_s: Callable[[float], Awaitable[None]]


def counter_of(kind: Callable[[Clock], SessionPlaces]) -> Counter:
    clock = InMemoryClock()

    async def pass_s(seconds: float) -> None:
        clock.advance(seconds)

    return Counter(kind(clock), pass_s)


@pytest.fixture
def in_memory_counter() -> Counter:
    return counter_of(InMemorySessionPlaces)


@pytest.fixture
def single_process_counter() -> Counter:
    return counter_of(SingleProcessSessionPlaces)


@pytest.fixture
def redis_counter(redis_database: RedisDatabase) -> Counter:
    client = redis_database.client

    async def pass_s(seconds: float) -> None:
        """The server's clock cannot be changed, so the leases are moved instead."""
        async for key in client.scan_iter(f"{redis_database.prefix}:*"):
            session_ids: Any = await client.zrange(key, 0, -1)
            for session_id in session_ids:
                await client.zincrby(key, -1000 * seconds, session_id)

    return Counter(RedisSessionPlaces(redis_database), pass_s)


@pytest.fixture(params=["in_memory_counter", "single_process_counter", "redis_counter"])
def counter(request: pytest.FixtureRequest) -> Counter:
    return request.getfixturevalue(request.param)


@pytest.fixture
def places(counter: Counter) -> SessionPlaces:
    return counter.places


async def test_a_user_gets_as_many_places_as_the_limit_says(places: SessionPlaces) -> None:
    assert await places.take("alice", "a", 2)
    assert await places.take("alice", "b", 2)
    assert not await places.take("alice", "c", 2)
    assert await places.take("bob", "c", 2)


async def test_a_place_given_back_is_free(places: SessionPlaces) -> None:
    await places.take("alice", "a", 1)
    await places.give_back("alice", "a")
    await places.give_back("alice", "a")
    assert await places.take("alice", "b", 1)


async def test_a_refused_session_takes_no_place(places: SessionPlaces) -> None:
    await places.take("alice", "a", 1)
    assert not await places.take("alice", "b", 1)
    await places.give_back("alice", "a")
    assert await places.take("alice", "c", 1)


async def test_taking_a_place_again_keeps_it(places: SessionPlaces) -> None:
    assert await places.take("alice", "a", 1)
    assert await places.take("alice", "a", 1)


async def test_fifty_concurrent_sessions_stay_within_the_limit(
    places: SessionPlaces,
) -> None:
    taken = await asyncio.gather(*(places.take("alice", f"s{n}", 6) for n in range(50)))
    assert sum(taken) == 6


async def test_the_places_of_a_dead_process_become_free(counter: Counter) -> None:
    places = counter.places
    await places.take("alice", "of the living", 2)
    await places.take("alice", "of the dead", 2)
    await counter.pass_s(0.6 * LEASE_S)
    await places.renew({"of the living": "alice"})
    await counter.pass_s(0.6 * LEASE_S)
    assert await places.take("alice", "new", 2)
    assert not await places.take("alice", "newer", 2)


async def test_lost_places_are_restored_by_renewing(places: SessionPlaces) -> None:
    await places.renew({"a": "alice", "b": "alice", "c": "bob"})
    assert not await places.take("alice", "d", 2)
    assert await places.take("bob", "d", 2)
    await places.renew({})


async def test_users_with_similar_names_are_counted_separately(places: SessionPlaces) -> None:
    names = ["alice", "alice ", "Alice", "älice@example.com", "a:b", "*", "alice\n"]
    for name in names:
        assert await places.take(name, "s", 1)
        assert not await places.take(name, "t", 1)


async def test_keys_in_redis_expire_with_the_lease(
    redis_database: RedisDatabase,
) -> None:
    places = RedisSessionPlaces(redis_database)
    await places.take("alice", "a", 2)
    await places.renew({"b": "bob"})
    keys = [key async for key in redis_database.client.scan_iter(f"{redis_database.prefix}:*")]
    assert len(keys) == 2
    for key in keys:
        assert 0 < await redis_database.client.pttl(key) <= 1000 * LEASE_S


async def test_many_sessions_are_renewed_together(redis_database: RedisDatabase) -> None:
    places = RedisSessionPlaces(redis_database)
    await places.renew({f"s{n}": "alice" for n in range(1001)})
    assert not await places.take("alice", "one more", 1001)
    assert await places.take("alice", "one more", 1002)


async def test_a_server_error_is_not_a_refusal(
    redis_database: RedisDatabase,
) -> None:
    await redis_database.client.set(f"{redis_database.prefix}:sessions:alice", "something else")
    with pytest.raises(StoreUnavailable, match="does not work"):
        await RedisSessionPlaces(redis_database).take("alice", "a", 1)
