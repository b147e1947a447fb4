"""Senders of many requests do not delay others."""

import asyncio

import pytest

from application.work.fair_semaphore import FairSemaphore
from application.work.memory_budget import MemoryBudget
from application.work.priority import Priority
from application.work.ranking import Rank


async def served(semaphore: FairSemaphore, *asking: tuple[str, str, Priority]) -> list[str]:
    """The order in which simultaneous requests are served."""
    order: list[str] = []

    async def ask(name: str, sender: str, priority: Priority) -> None:
        rank = await semaphore.acquire(sender, priority)
        order.append(name)
        await asyncio.sleep(0)
        semaphore.release(rank)

    await asyncio.gather(*(ask(*each) for each in asking))
    return order


@pytest.fixture
def semaphore() -> FairSemaphore:
    return FairSemaphore()


async def test_the_first_request_of_each_sender_goes_before_any_second(
    semaphore: FairSemaphore,
) -> None:
    flood = [(f"alice {number}", "alice", Priority.INTERACTIVE) for number in range(9)]
    order = await served(semaphore, *flood, ("bob", "bob", Priority.INTERACTIVE))
    assert order.index("bob") == 1


async def test_requests_of_one_sender_keep_their_order(semaphore: FairSemaphore) -> None:
    def asking() -> asyncio.Task[Rank]:
        return asyncio.create_task(semaphore.acquire("alice", Priority.INTERACTIVE))

    early = [asking() for _ in range(4)]
    for served in early[:2]:
        semaphore.release(await served)
    late = asking()
    semaphore.release(await early[2])
    rank = await asyncio.wait_for(early[3], 10)
    assert not late.done()
    semaphore.release(rank)
    await late


async def test_single_images_go_before_batches_and_equals_in_order_of_arrival(
    semaphore: FairSemaphore,
) -> None:
    order = await served(
        semaphore,
        ("first", "alice", Priority.INTERACTIVE),
        ("batch", "bob", Priority.BULK),
        ("second", "carol", Priority.INTERACTIVE),
        ("third", "dave", Priority.INTERACTIVE),
    )
    assert order == ["first", "second", "third", "batch"]


async def test_a_cancelled_waiter_does_not_block_others(semaphore: FairSemaphore) -> None:
    rank = await semaphore.acquire("alice", Priority.INTERACTIVE)
    gone, granted, waiting = (
        asyncio.create_task(semaphore.acquire(name, Priority.INTERACTIVE))
        for name in ("b", "c", "d")
    )
    await asyncio.sleep(0)
    gone.cancel()
    semaphore.release(rank)
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


async def test_a_sender_that_comes_back_at_once_does_not_hold_up_another(
    semaphore: FairSemaphore,
) -> None:
    order: list[str] = []

    async def ask(sender: str) -> None:
        rank = await semaphore.acquire(sender, Priority.INTERACTIVE)
        order.append(sender)
        await asyncio.sleep(0)
        semaphore.release(rank)

    async def ask_again_and_again(sender: str) -> None:
        for _ in range(20):
            await ask(sender)

    await asyncio.gather(
        *(ask("many") for _ in range(4)),
        ask_again_and_again("first"),
        ask_again_and_again("second"),
    )
    assert max(at for at, sender in enumerate(order) if sender == "many") < 16
