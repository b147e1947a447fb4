import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from adapters.in_memory import InMemoryClock
from adapters.system.clock import SystemClock
from application.ports.clock import Clock

CLOCKS: dict[str, Callable[[], Clock]] = {"in-memory": InMemoryClock, "system": SystemClock}


@pytest.fixture(params=CLOCKS)
def clock(request: pytest.FixtureRequest) -> Clock:
    return CLOCKS[request.param]()


def test_the_time_is_in_utc(clock: Clock) -> None:
    assert clock.now().utcoffset() == timedelta(0)


def test_monotonic_time_never_goes_back(clock: Clock) -> None:
    told = [clock.monotonic() for _ in range(100)]
    assert told == sorted(told)


def test_the_in_memory_clock_moves_only_when_advanced() -> None:
    clock = InMemoryClock()
    now, monotonic = clock.now(), clock.monotonic()
    assert (clock.now(), clock.monotonic()) == (now, monotonic)
    clock.advance(1.5)
    assert clock.now() - now == timedelta(seconds=1.5)
    assert clock.monotonic() - monotonic == 1.5


async def test_sleeping_takes_the_given_time() -> None:
    clock = SystemClock()
    before = clock.monotonic()
    await clock.sleep(0.01)
    assert clock.monotonic() - before >= 0.009


async def test_the_in_memory_clock_wakes_sleepers_on_time() -> None:
    clock = InMemoryClock()
    naps = [asyncio.create_task(clock.sleep(seconds)) for seconds in (0, 1, 2)]
    await asyncio.sleep(0)
    for advance, awake in ((0.5, 1), (0.5, 2), (1, 3)):
        clock.advance(advance)
        for _ in range(3):
            await asyncio.sleep(0)
        assert sum(nap.done() for nap in naps) == awake
