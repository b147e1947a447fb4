"""Senders of many requests do not delay others."""

import asyncio

import pytest

from application.fair_turns import FairTurns
from application.memory_budget import MemoryBudget
from application.work import Priority


async def served(turns: FairTurns, *asking: tuple[str, str, Priority]) -> list[str]:
    """The order in which simultaneous requests are served."""
    order: list[str] = []

    async def ask(name: str, sender: str, priority: Priority) -> None:
        rank = await turns.take(sender, priority)
        order.append(name)
        await asyncio.sleep(0)
        turns.give_back(rank)

    await asyncio.gather(*(ask(*each) for each in asking))
    return order


@pytest.fixture
def turns() -> FairTurns:
    return FairTurns()


async def test_the_first_request_of_each_sender_goes_before_any_second(turns: FairTurns) -> None:
    flood = [(f"alice {number}", "alice", Priority.INTERACTIVE) for number in range(9)]
    order = await served(turns, *flood, ("bob", "bob", Priority.INTERACTIVE))
    assert order.index("bob") == 1


async def test_single_images_go_before_batches_and_equals_in_order_of_arrival(
    turns: FairTurns,
) -> None:
    order = await served(
        turns,
        ("first", "alice", Priority.INTERACTIVE),
        ("batch", "bob", Priority.BULK),
        ("second", "carol", Priority.INTERACTIVE),
        ("third", "dave", Priority.INTERACTIVE),
    )
    assert order == ["first", "second", "third", "batch"]


async def test_a_cancelled_waiter_does_not_block_others(turns: FairTurns) -> None:
    rank = await turns.take("alice", Priority.INTERACTIVE)
    gone, granted, waiting = (
        asyncio.create_task(turns.take(name, Priority.INTERACTIVE)) for name in ("b", "c", "d")
    )
    await asyncio.sleep(0)
    gone.cancel()
    turns.give_back(rank)
    granted.cancel()  # when its turn has come, before it is resumed
    async with asyncio.timeout(10):
        await waiting
    assert granted.cancelled()


async def test_memory_is_given_to_each_sender_before_a_second_time_to_any() -> None:
    budget = MemoryBudget(100)
    held = await budget.take(80, sender="alice")
    order: list[str] = []

    async def take(sender: str) -> None:
        async with budget.hold(80, sender=sender):
            order.append(sender)

    waiting = [asyncio.create_task(take(name)) for name in ("alice", "alice", "alice", "bob")]
    await asyncio.sleep(0)
    held.release()
    await asyncio.gather(*waiting)
    assert order.index("bob") == 1
