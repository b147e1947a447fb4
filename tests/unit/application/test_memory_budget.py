"""The memory that images in work share, whoever hangs up."""

import asyncio

from application.memory_budget import MemoryBudget


async def test_memory_that_comes_free_as_its_caller_hangs_up_is_not_counted_twice() -> None:
    budget = MemoryBudget(100)
    held = await budget.take(80)
    waiting = asyncio.create_task(budget.take(80))
    await asyncio.sleep(0)

    # The memory comes free after the caller was cancelled, and before the caller learns of it.
    held.release()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    assert budget.held_bytes == 0


async def test_memory_granted_to_a_caller_who_hangs_up_is_given_back() -> None:
    budget = MemoryBudget(100)
    held = await budget.take(80)
    waiting = asyncio.create_task(budget.take(80))
    await asyncio.sleep(0)

    held.release()
    await asyncio.sleep(0)  # granted
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    assert budget.held_bytes == 0
