import asyncio

import pytest

from application.work.cancellation import uninterrupted


async def test_the_work_finishes_before_the_cancellation_is_raised() -> None:
    go_on, finished = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await go_on.wait()
        finished.set()

    task = asyncio.create_task(uninterrupted(work()))
    for _ in range(5):
        await asyncio.sleep(0)
        task.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert finished.is_set()


async def test_the_result_or_the_error_of_the_work_is_passed_on() -> None:
    async def seven() -> int:
        return 7

    async def fault() -> int:
        raise KeyError("fault")

    assert await uninterrupted(seven()) == 7
    with pytest.raises(KeyError, match="fault"):
        await uninterrupted(fault())


async def test_a_cancelled_caller_is_cancelled_even_where_the_work_failed() -> None:
    go_on = asyncio.Event()

    async def fault() -> None:
        await go_on.wait()
        raise KeyError("fault")

    task = asyncio.create_task(uninterrupted(fault()))
    await asyncio.sleep(0)
    task.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
