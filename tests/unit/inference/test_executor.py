"""The bounded executor, observed by events instead of the clock."""

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import pytest

from adapters.inference.executor import WorkExecutor
from application.errors import InferenceUnavailable
from application.work.priority import Priority

Result = TypeVar("Result")


class Plug:
    """Keeps a thread busy until ``pull``."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self._pulled = threading.Event()

    def __call__(self) -> None:
        self.began.set()
        assert self._pulled.wait(30)

    def pull(self) -> None:
        self._pulled.set()


async def plugged(executor: WorkExecutor) -> tuple[Plug, asyncio.Task[None]]:
    plug = Plug()
    task = asyncio.create_task(executor.run(plug))
    await asyncio.to_thread(plug.began.wait, 30)
    return plug, task


async def queued(
    executor: WorkExecutor,
    function: Callable[[], Result],
    priority: Priority = Priority.INTERACTIVE,
    sender: str = "",
) -> asyncio.Task[Result]:
    """A task that has reached the queue."""
    task = asyncio.create_task(executor.run(function, priority=priority, sender=sender))
    await asyncio.sleep(0)
    return task


async def test_a_job_gives_back_what_its_function_returns(single_thread: WorkExecutor) -> None:
    assert await single_thread.run(divmod, 17, 5) == (3, 2)


async def test_a_job_raises_what_its_function_raises(single_thread: WorkExecutor) -> None:
    with pytest.raises(ZeroDivisionError):
        await single_thread.run(divmod, 1, 0)
    assert await single_thread.run(abs, -1) == 1


async def test_jobs_do_not_block_the_event_loop(single_thread: WorkExecutor) -> None:
    plug, task = await plugged(single_thread)
    assert not task.done()
    plug.pull()
    await task


async def test_as_many_jobs_run_at_once_as_there_are_threads() -> None:
    executor = WorkExecutor(2)
    meeting = threading.Barrier(2, timeout=30)
    await asyncio.gather(executor.run(meeting.wait), executor.run(meeting.wait))
    executor.close()


async def test_jobs_run_by_priority_then_by_arrival(
    single_thread: WorkExecutor,
) -> None:
    plug, blocked = await plugged(single_thread)
    order: list[str] = []
    tasks = [
        await queued(single_thread, partial(order.append, name), priority)
        for name, priority in [
            ("bulk 1", Priority.BULK),
            ("interactive 1", Priority.INTERACTIVE),
            ("bulk 2", Priority.BULK),
            ("interactive 2", Priority.INTERACTIVE),
        ]
    ]
    assert single_thread.waiting == 4
    plug.pull()
    await asyncio.gather(blocked, *tasks)
    assert order == ["interactive 1", "interactive 2", "bulk 1", "bulk 2"]
    assert single_thread.waiting == 0


async def test_a_sender_of_many_jobs_delays_others_by_one(single_thread: WorkExecutor) -> None:
    plug, blocked = await plugged(single_thread)
    order: list[str] = []
    tasks = [
        await queued(single_thread, partial(order.append, name), sender=name)
        for name in ["many"] * 6 + ["few"] * 2 + ["one"]
    ]
    plug.pull()
    await asyncio.gather(blocked, *tasks)
    assert order[:5] == ["many", "few", "one", "many", "few"]


async def test_signed_in_users_go_before_guests_and_guests_are_not_starved(
    single_thread: WorkExecutor,
) -> None:
    plug, blocked = await plugged(single_thread)
    order: list[str] = []
    tasks = [
        await queued(single_thread, partial(order.append, name), priority)
        for name, priority in [
            *[("guest", Priority.GUEST)] * 2,
            *[("batch", Priority.BULK)] * 2,
            *[("user", Priority.INTERACTIVE)] * 16,
        ]
    ]
    plug.pull()
    await asyncio.gather(blocked, *tasks)
    assert order[:6] == ["user"] * 6
    assert order.index("guest") < 10
    assert order[-2:] == ["batch", "batch"]


async def test_a_waiting_job_of_a_cancelled_caller_never_runs(single_thread: WorkExecutor) -> None:
    plug, blocked = await plugged(single_thread)
    ran: list[str] = []
    abandoned = await queued(single_thread, lambda: ran.append("abandoned"))
    kept = await queued(single_thread, lambda: ran.append("kept"))
    abandoned.cancel()
    with pytest.raises(asyncio.CancelledError):
        await abandoned
    assert single_thread.waiting == 1
    plug.pull()
    await asyncio.gather(blocked, kept)
    assert ran == ["kept"]


async def test_a_cancelled_caller_does_not_stop_the_thread(
    single_thread: WorkExecutor,
) -> None:
    plug, task = await plugged(single_thread)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    plug.pull()
    assert await single_thread.run(abs, -7) == 7


async def test_closing_finishes_accepted_jobs_and_refuses_new_ones() -> None:
    executor = WorkExecutor(1)
    plug, blocked = await plugged(executor)
    waiting = await queued(executor, lambda: "done")
    closing = asyncio.create_task(asyncio.to_thread(executor.close))
    while not (late := await queued(executor, lambda: "late")).done():
        late.cancel()
    plug.pull()
    await asyncio.gather(blocked, closing)
    assert await waiting == "done"
    with pytest.raises(InferenceUnavailable, match="shutting down"):
        await late
    executor.close()


def test_an_executor_needs_at_least_one_thread() -> None:
    with pytest.raises(ValueError, match="thread"):
        WorkExecutor(0)


async def test_waiting_and_worked_time_can_be_read(single_thread: WorkExecutor) -> None:
    assert (single_thread.threads, single_thread.oldest_wait_s) == (1, 0.0)
    plug, running = await plugged(single_thread)
    waiting = await queued(single_thread, int)
    first = single_thread.oldest_wait_s
    second = single_thread.oldest_wait_s
    assert 0 < first < second, "it grows while the job waits"
    in_work = single_thread.worked_s
    assert 0 < in_work < single_thread.worked_s, "also while the job goes on"
    plug.pull()
    await asyncio.gather(running, waiting)
    assert single_thread.oldest_wait_s == 0.0


async def test_background_jobs_leave_a_thread_free_while_others_run() -> None:
    executor = WorkExecutor(2, background_every_s=0)
    try:
        plugs = [Plug(), Plug()]
        await executor.run(abs, 1)  # other work, just now
        tasks = [await queued(executor, plug, Priority.BACKGROUND) for plug in plugs]
        await asyncio.to_thread(plugs[0].began.wait, 30)
        async with asyncio.timeout(10):
            assert await executor.run(abs, -1) == 1, "nobody waits for the background"
        assert not plugs[1].began.is_set()
        # It continues once the first has ended, or when there was no other work for a while.
        plugs[0].pull()
        await asyncio.to_thread(plugs[1].began.wait, 30)
        plugs[1].pull()
        await asyncio.gather(*tasks)
    finally:
        executor.close()


async def test_background_jobs_alone_use_every_thread() -> None:
    executor = WorkExecutor(2)
    try:
        plugs = [Plug(), Plug()]
        tasks = [await queued(executor, plug, Priority.BACKGROUND) for plug in plugs]
        for plug in plugs:
            assert await asyncio.to_thread(plug.began.wait, 30)
            plug.pull()
        await asyncio.gather(*tasks)
    finally:
        executor.close()


async def test_a_background_job_waits_until_no_other_is_in_work() -> None:
    executor = WorkExecutor(2, background_every_s=3600)
    try:
        await executor.run(abs, 1, priority=Priority.BACKGROUND)
        plug, blocked = await plugged(executor)
        began = threading.Event()
        task = await queued(executor, began.set, Priority.BACKGROUND)
        assert await executor.run(abs, -1) == 1, "the other thread is free"
        assert not began.is_set()
        plug.pull()
        async with asyncio.timeout(30):
            await asyncio.gather(blocked, task)
    finally:
        executor.close()


async def test_background_jobs_are_not_starved_by_others() -> None:
    executor = WorkExecutor(2)
    try:
        plug, blocked = await plugged(executor)
        async with asyncio.timeout(30):
            for number in range(3):
                assert await executor.run(abs, number, priority=Priority.BACKGROUND) == number
        plug.pull()
        await blocked
    finally:
        executor.close()
