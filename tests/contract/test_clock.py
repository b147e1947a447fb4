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


def test_the_time_is_told_in_utc(clock: Clock) -> None:
    assert clock.now().utcoffset() == timedelta(0)


def test_monotonic_time_never_goes_back(clock: Clock) -> None:
    told = [clock.monotonic() for _ in range(100)]
    assert told == sorted(told)


def test_the_in_memory_clock_moves_when_told_and_only_then() -> None:
    clock = InMemoryClock()
    now, monotonic = clock.now(), clock.monotonic()
    assert (clock.now(), clock.monotonic()) == (now, monotonic)
    clock.advance(1.5)
    assert clock.now() - now == timedelta(seconds=1.5)
    assert clock.monotonic() - monotonic == 1.5
