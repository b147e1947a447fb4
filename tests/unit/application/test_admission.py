import asyncio

import pytest

from application.errors import Overloaded
from application.work.admission import AdmissionGate
from application.work.priority import Priority


def test_interactive_work_has_priority_over_batches() -> None:
    assert Priority.INTERACTIVE < Priority.BULK


def test_a_gate_admits_as_many_as_it_has_places() -> None:
    gate = AdmissionGate(2)
    with gate.admit(), gate.admit():
        assert gate.taken == 2
        with pytest.raises(Overloaded) as refusal, gate.admit():
            raise AssertionError("nobody gets in here")
        assert refusal.value.retry_after_s == 1
    assert gate.taken == 0


def test_a_place_is_given_back_even_when_the_work_fails() -> None:
    gate = AdmissionGate(1)
    with pytest.raises(KeyError), gate.admit():
        raise KeyError
    with gate.admit():
        assert gate.taken == 1


def test_a_gate_without_places_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        AdmissionGate(0)


async def test_one_sender_cannot_take_all_places() -> None:
    gate = AdmissionGate(8)
    go_on = asyncio.Event()

    async def work(sender: str) -> None:
        async with gate.admit_sender(sender):
            await go_on.wait()

    flood = [asyncio.create_task(work("alice")) for _ in range(10)]
    await asyncio.sleep(0)
    assert gate.taken == 7
    async with gate.admit_sender("bob"):
        with pytest.raises(Overloaded):
            async with gate.admit_sender("carol"):
                raise AssertionError("nobody gets in here")
    go_on.set()
    async with asyncio.timeout(10):
        await asyncio.gather(*flood)
    assert gate.taken == 0


async def test_guests_cannot_take_all_places() -> None:
    gate = AdmissionGate(8)
    go_on = asyncio.Event()

    async def visit(number: int) -> None:
        async with gate.admit_sender(f"address {number}", is_guest=True):
            await go_on.wait()

    flood = [asyncio.create_task(visit(number)) for number in range(10)]
    await asyncio.sleep(0)
    async with gate.admit_sender("alice"), gate.admit_sender("bob"):
        assert gate.taken == 8
    go_on.set()
    async with asyncio.timeout(10):
        outcomes = await asyncio.gather(*flood, return_exceptions=True)
    assert [type(each) for each in outcomes if each is not None] == [Overloaded] * 4
    assert gate.taken == 0


async def test_guests_are_refused_while_users_hold_all_places() -> None:
    gate = AdmissionGate(4)
    with gate.admit(), gate.admit(), gate.admit(), gate.admit():
        with pytest.raises(Overloaded), gate.admit_guest():
            raise AssertionError("nobody gets in here")
        with pytest.raises(Overloaded):
            async with gate.admit_sender("address", is_guest=True):
                raise AssertionError("nobody gets in here")
    with gate.admit_guest():
        assert gate.taken == 1
