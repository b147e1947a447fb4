"""The memory budget of images in work, with cancelled callers."""

import asyncio

import pytest

from application.work.memory_budget import MemoryBudget
from application.work.priority import Priority


async def test_memory_granted_during_a_cancellation_is_not_counted_twice() -> None:
    budget = MemoryBudget(100)
    held = await budget.take(80)
    waiting = asyncio.create_task(budget.take(80))
    await asyncio.sleep(0)

    # The memory becomes free after the caller was cancelled, before the caller is resumed.
    held.release()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    assert budget.held_bytes == 0


async def test_memory_granted_to_a_cancelled_caller_is_given_back() -> None:
    budget = MemoryBudget(100)
    held = await budget.take(80)
    waiting = asyncio.create_task(budget.take(80))
    await asyncio.sleep(0)

    held.release()
    await asyncio.sleep(0)  # granted
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    assert budget.held_bytes == 0


async def test_a_small_image_of_a_user_gets_memory_whatever_others_hold() -> None:
    budget = MemoryBudget(160)
    flood = [
        asyncio.create_task(budget.take(10, Priority.GUEST, sender=f"address {number}"))
        for number in range(20)
    ]
    flood += [asyncio.create_task(budget.take(10, sender="mallory")) for _ in range(20)]
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await budget.take(10, sender="alice")
    for each in flood:
        each.cancel()
    await asyncio.gather(*flood, return_exceptions=True)


async def test_users_get_memory_before_earlier_guests() -> None:
    budget = MemoryBudget(100)
    held = await budget.take(80, Priority.GUEST, sender="address 0")
    order: list[str] = []

    async def take(sender: str, priority: Priority) -> None:
        async with budget.hold(80, priority, sender=sender):
            order.append(sender)

    waiting = [
        asyncio.create_task(take(*each))
        for each in [
            ("address 1", Priority.GUEST),
            ("address 2", Priority.GUEST),
            ("alice", Priority.INTERACTIVE),
        ]
    ]
    await asyncio.sleep(0)
    held.release()
    await asyncio.gather(*waiting)
    assert order == ["alice", "address 1", "address 2"]


async def test_the_largest_share_does_not_wait_for_small_images() -> None:
    budget = MemoryBudget(160)
    await budget.take(10, sender="alice")
    async with asyncio.timeout(10):
        await budget.take(budget.most_beside_small, Priority.GUEST, sender="address 0")


async def test_a_stream_of_small_images_leaves_room_for_a_large_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("application.work.memory_budget._MAX_OVERTAKEN_S", 0.0)
    budget = MemoryBudget(160)

    async def stream(sender: str) -> None:
        while True:
            async with budget.hold(10, sender=sender):
                for _ in range(5):
                    await asyncio.sleep(0)

    streams = [asyncio.create_task(stream(f"sender {number}")) for number in range(6)]
    for _ in range(3):
        await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await budget.take(budget.most_beside_small, sender="alice")
    for each in streams:
        each.cancel()
    await asyncio.gather(*streams, return_exceptions=True)
