"""A dependency that keeps failing is not called for a while, and called again later."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from adapters.circuit_breaker import CircuitBreaker, CircuitOpen
from adapters.in_memory import InMemoryClock, InMemoryTelemetry


class Gone(Exception):
    pass


@pytest.fixture
def clock() -> InMemoryClock:
    return InMemoryClock()


@pytest.fixture
def breaker(clock: InMemoryClock) -> CircuitBreaker:
    return CircuitBreaker("store", failures=3, pause_s=5, slow_s=1, monotonic=clock.monotonic)


def fail(breaker: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        with pytest.raises(Gone), breaker.guard(Gone):
            raise Gone


def test_failures_in_a_row_open_the_circuit(breaker: CircuitBreaker) -> None:
    fail(breaker, 3)
    with pytest.raises(CircuitOpen) as refused, breaker.guard(Gone):
        pytest.fail("the call should not run")
    assert refused.value.retry_after_s == 5


def test_opening_and_closing_are_reported(clock: InMemoryClock) -> None:
    telemetry = InMemoryTelemetry()
    breaker = CircuitBreaker(
        "store", failures=3, pause_s=5, telemetry=telemetry, monotonic=clock.monotonic
    )
    assert telemetry.circuits == {"store": False}
    fail(breaker, 2)
    assert telemetry.circuits == {"store": False}
    fail(breaker, 1)
    assert telemetry.circuits == {"store": True}
    clock.advance(5)
    fail(breaker, 1)
    assert telemetry.circuits == {"store": True}, "the trial failed"
    clock.advance(5)
    with breaker.guard(Gone):
        pass
    assert telemetry.circuits == {"store": False}


def test_a_success_in_between_restarts_the_count(breaker: CircuitBreaker) -> None:
    fail(breaker, 2)
    with breaker.guard(Gone):
        pass
    fail(breaker, 2)
    with breaker.guard(Gone):
        pass


def test_an_error_answer_does_not_count_as_a_failure(breaker: CircuitBreaker) -> None:
    for _ in range(5):
        with pytest.raises(KeyError), breaker.guard(Gone):
            raise KeyError


def test_after_the_pause_one_trial_decides(breaker: CircuitBreaker, clock: InMemoryClock) -> None:
    fail(breaker, 3)
    clock.advance(5)
    with breaker.guard(Gone), pytest.raises(CircuitOpen), breaker.guard(Gone):
        pytest.fail("only one trial at a time")
    with breaker.guard(Gone), breaker.guard(Gone):
        pass


def test_only_one_of_many_threads_makes_the_trial(
    breaker: CircuitBreaker, clock: InMemoryClock
) -> None:
    fail(breaker, 3)
    clock.advance(5)
    all_there, tried = threading.Barrier(8), threading.Barrier(8)

    def admitted(_: int) -> bool:
        all_there.wait(30)
        try:
            with breaker.guard(Gone):
                tried.wait(30)
                return True
        except CircuitOpen:
            tried.wait(30)
            return False

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(admitted, range(8))) == 1


def test_a_failed_trial_starts_another_pause(breaker: CircuitBreaker, clock: InMemoryClock) -> None:
    fail(breaker, 3)
    clock.advance(5)
    fail(breaker, 1)
    with pytest.raises(CircuitOpen), breaker.guard(Gone):
        pytest.fail("the call should not run")


async def test_a_cancelled_trial_allows_another(
    breaker: CircuitBreaker, clock: InMemoryClock
) -> None:
    fail(breaker, 3)
    clock.advance(5)
    with pytest.raises(asyncio.CancelledError), breaker.guard(Gone):
        raise asyncio.CancelledError
    with breaker.guard(Gone):
        pass


def test_slow_answers_open_the_circuit(breaker: CircuitBreaker, clock: InMemoryClock) -> None:
    for _ in range(3):
        with breaker.guard(Gone):
            clock.advance(2)
    with pytest.raises(CircuitOpen), breaker.guard(Gone):
        pytest.fail("the call should not run")


def test_a_recent_success_saves_a_check(breaker: CircuitBreaker, clock: InMemoryClock) -> None:
    assert not breaker.answered_within(60)
    with breaker.guard(Gone):
        pass
    clock.advance(59)
    assert breaker.answered_within(60)
    clock.advance(1)
    assert not breaker.answered_within(60)
