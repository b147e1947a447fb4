import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from adapters.redis import RedisDatabase, RedisMessageChannel
from adapters.single_process import SingleProcessMessageChannel
from application.ports.message_channel import MessageChannel

Ends = tuple[MessageChannel, MessageChannel]
"""Those of two processes, both open."""


@pytest.fixture
async def single_process_ends() -> Ends:
    """There is one process, so both ends are the same."""
    channel = SingleProcessMessageChannel()
    await channel.open()
    return channel, channel


@pytest.fixture
async def redis_ends(new_redis_database: Callable[[], RedisDatabase]) -> AsyncIterator[Ends]:
    here, there = (RedisMessageChannel(new_redis_database()) for _ in range(2))
    await here.open()
    await there.open()
    yield here, there
    await here.close()
    await there.close()


@pytest.fixture(params=["single_process_ends", "redis_ends"])
def ends(request: pytest.FixtureRequest) -> Ends:
    return request.getfixturevalue(request.param)


async def heard(messages: AsyncIterator[bytes], count: int) -> list[bytes]:
    async with asyncio.timeout(30):
        return [await anext(messages) for _ in range(count)]


async def test_all_processes_receive_messages_in_order(
    ends: Ends,
) -> None:
    here, there = ends
    listening = here.listen(), there.listen()
    said = [f"message {n} ü".encode() for n in range(50)] + [b""]
    for message in said:
        there.publish(message)
    for messages in listening:
        assert await heard(messages, len(said)) == said


async def test_large_messages_arrive_whole(ends: Ends) -> None:
    here, there = ends
    messages = here.listen()
    there.publish(bytes(range(256)) * 4000)
    assert await heard(messages, 1) == [bytes(range(256)) * 4000]


async def test_a_listener_receives_only_later_messages(
    ends: Ends,
) -> None:
    here, there = ends
    first = here.listen()
    there.publish(b"early")
    assert await heard(first, 1) == [b"early"]
    second = here.listen()
    there.publish(b"late")
    assert await heard(second, 1) == [b"late"]


async def test_a_listener_that_falls_behind_receives_the_newest(
    ends: Ends,
) -> None:
    here, there = ends
    slow, quick = here.listen(), here.listen()
    for number in range(2000):
        there.publish(str(number).encode())
        if number % 100 == 99:
            await heard(quick, 100)
    async with asyncio.timeout(30):
        left = [await anext(slow)]
        while left[-1] != b"1999":
            left.append(await anext(slow))
    assert 100 < len(left) < 2000
    assert [int(n) for n in left] == list(range(2000 - len(left), 2000))


async def test_closing_ends_every_listener(ends: Ends) -> None:
    here, _ = ends
    listeners = [here.listen(), here.listen()]
    await here.close()
    await here.close()
    async with asyncio.timeout(30):
        assert [[m async for m in messages] for messages in listeners] == [[], []]


async def test_a_working_channel_passes_its_check(ends: Ends) -> None:
    for end in ends:
        await end.check()
