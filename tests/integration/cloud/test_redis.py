"""Redis is down, silent, refuses, and comes back; callers never wait long."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives import serialization

from adapters.circuit_breaker import CircuitBreaker
from adapters.redis import RedisDatabase, RedisMessageChannel, RedisSessionPlaces
from application.errors import StoreCircuitOpen, StoreUnavailable
from application.ports.message_channel import MessageChannel
from tests.servers.flaky import FlakyProxy, flaky_proxy
from tests.servers.google import SigningKey
from tests.servers.redis import free_port, redis_server

PASSWORD = "hush-hush"


def database_at(url: str) -> RedisDatabase:
    return RedisDatabase(
        url=url,
        prefix="service",
        timeout_s=1.0,
        breaker=CircuitBreaker("Redis", failures=2, pause_s=0.05),
    )


@pytest.fixture
async def proxy(redis_url: str) -> AsyncIterator[FlakyProxy]:
    async with flaky_proxy(redis_url.removeprefix("redis://").removesuffix("/0")) as proxy:
        yield proxy


@asynccontextmanager
async def channel_at(url: str) -> AsyncIterator[MessageChannel]:
    channel = RedisMessageChannel(database_at(url), quiet_s=0.2)
    try:
        await channel.open()
        yield channel
    finally:
        await channel.close()


async def until(is_so: Callable[[], object]) -> None:
    """Poll until the condition holds."""
    async with asyncio.timeout(60):
        while True:
            outcome = is_so()
            if asyncio.iscoroutine(outcome):
                outcome = await outcome
            if outcome:
                return
            await asyncio.sleep(0.01)


async def works(channel: MessageChannel) -> bool:
    try:
        await channel.check()
    except StoreUnavailable:
        return False
    return True


async def is_heard(channel: MessageChannel) -> bool:
    """Whether a message arrives, sooner or later."""
    word = uuid4().bytes

    async def hear() -> None:
        async for message in channel.listen():
            if message == word:
                return

    def say() -> bool:
        channel.publish(word)
        return hearing.done()

    hearing = asyncio.create_task(hear())
    try:
        await until(say)
    finally:
        hearing.cancel()
    return True


async def test_a_channel_reconnects_to_a_restarted_server() -> None:
    port = free_port()
    async with AsyncExitStack() as stack:
        async with redis_server(port) as url:
            channel = await stack.enter_async_context(channel_at(url))
            assert await is_heard(channel)
        await until(lambda: not_working(channel))
        async with redis_server(port):
            await until(lambda: works(channel))
            assert await is_heard(channel)


async def not_working(channel: MessageChannel) -> bool:
    return not await works(channel)


@pytest.mark.parametrize("fault", [FlakyProxy.stop, FlakyProxy.fall_silent])
async def test_a_channel_reconnects_after_a_network_failure(
    proxy: FlakyProxy, fault: Callable[[FlakyProxy], None]
) -> None:
    async with channel_at(f"redis://{proxy.address}") as channel:
        assert await is_heard(channel)
        fault(proxy)
        await until(lambda: not_working(channel))
        for _ in range(5000):
            channel.publish(b"nobody waits, and memory is bounded")
        proxy.break_once()
        proxy.behave()
        await until(lambda: works(channel))
        assert await is_heard(channel)


async def test_a_silently_lost_subscription_is_detected(proxy: FlakyProxy) -> None:
    async with channel_at(f"redis://{proxy.address}") as channel:
        assert await is_heard(channel)
        proxy.forget()
        assert await is_heard(channel)


async def test_a_message_is_not_repeated_when_its_answer_is_lost(
    proxy: FlakyProxy, redis_url: str
) -> None:
    async with (
        channel_at(redis_url) as there,
        channel_at(f"redis://{proxy.address}") as here,
    ):
        messages, heard = there.listen(), []
        proxy.lose_answer(b":")
        here.publish(b"once")
        async with asyncio.timeout(60):
            heard.append(await anext(messages))
            await is_heard(here)
            here.publish(b"last")
            while heard[-1] != b"last":
                heard.append(await anext(messages))
        assert heard.count(b"once") == 1


async def test_places_raise_while_the_server_is_down_and_work_again_afterwards(
    proxy: FlakyProxy,
) -> None:
    database = database_at(f"redis://{proxy.address}")
    places = RedisSessionPlaces(database)
    assert await places.take("erin", "a", 1)
    proxy.stop()
    for _ in range(4):
        with pytest.raises(StoreUnavailable, match="Redis does not answer"):
            await places.take("erin", "b", 1)
    with pytest.raises(StoreUnavailable):
        await places.renew({"a": "erin"})
    proxy.behave()
    await until(lambda: database_works(database))
    assert not await places.take("erin", "b", 1)
    await places.give_back("erin", "a")
    await database.close()


async def database_works(database: RedisDatabase) -> bool:
    try:
        await database.check()
    except StoreUnavailable:
        return False
    return True


async def test_a_broken_idle_connection_is_not_a_failure(proxy: FlakyProxy) -> None:
    database = database_at(f"redis://{proxy.address}")
    await database.check()
    proxy.break_once()
    await database.check()
    await database.close()


async def test_a_start_without_a_server_names_its_address_without_the_password() -> None:
    port = free_port()
    channel = RedisMessageChannel(database_at(f"redis://me:{PASSWORD}@127.0.0.1:{port}/0"))
    with pytest.raises(StoreUnavailable) as refused:
        await channel.open()
    assert str(refused.value) == f"REDIS_URL: Redis does not answer at redis://127.0.0.1:{port}/0"
    await channel.close()


@pytest.mark.parametrize("nonsense", [b":many\r\n", b"*1\r\n" * 5000, b"HTTP/1.1 400 Bad\r\n"])
async def test_an_unexpected_answer_does_not_end_the_channel(
    proxy: FlakyProxy, nonsense: bytes
) -> None:
    async with channel_at(f"redis://{proxy.address}") as channel:
        proxy.interject(nonsense)
        await until(lambda: not_working(channel))
        await until(lambda: works(channel))
        assert await is_heard(channel)


@pytest.mark.parametrize("nonsense", [b":many\r\n", b"*1\r\n" * 5000, b"HTTP/1.1 400 Bad\r\n"])
async def test_a_server_that_is_not_redis_raises_store_unavailable(nonsense: bytes) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            writer.write(nonsense)
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        database = database_at(f"redis://{host}:{port}")
        with pytest.raises(StoreUnavailable, match="does not work"):
            await RedisSessionPlaces(database).take("erin", "a", 1)
        await database.close()


async def test_a_wrong_password_has_its_own_message(redis_url: str) -> None:
    address = redis_url.removeprefix("redis://")
    channel = RedisMessageChannel(database_at(f"redis://nobody:{PASSWORD}@{address}"))
    with pytest.raises(StoreUnavailable, match="refuses the user or the password") as refused:
        await channel.open()
    assert PASSWORD not in str(refused.value)
    await channel.close()


async def test_a_certificate_that_is_not_trusted_is_named(tmp_path: Path) -> None:
    made = SigningKey.made("any")
    file = tmp_path / "server.pem"
    key = made.private_key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file.write_bytes(key + made.certificate.encode())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)

    def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(close, "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        database = database_at(f"rediss://127.0.0.1:{port}/0")
        with pytest.raises(StoreUnavailable, match="no certificate that is trusted"):
            await database.check()
        await database.close()


async def test_a_redis_user_without_permission_to_subscribe_stops_the_start(redis_url: str) -> None:
    owner = database_at(redis_url)
    await owner.client.acl_setuser(
        "mute", enabled=True, passwords=[f"+{PASSWORD}"], commands=["+ping", "+hello", "+client"]
    )
    address = redis_url.removeprefix("redis://")
    mute = RedisMessageChannel(database_at(f"redis://mute:{PASSWORD}@{address}"))
    with pytest.raises(StoreUnavailable, match="the Redis user lacks a permission"):
        await mute.open()
    await mute.close()
    await owner.client.acl_deluser("mute")
    await owner.close()


async def test_an_open_circuit_has_its_own_error() -> None:
    database = RedisDatabase(
        url=f"redis://127.0.0.1:{free_port()}/0",
        prefix="service",
        timeout_s=1.0,
        breaker=CircuitBreaker("Redis", failures=1, pause_s=3600),
    )
    with pytest.raises(StoreUnavailable) as asked:
        await database.check()
    assert not isinstance(asked.value, StoreCircuitOpen)
    with pytest.raises(StoreCircuitOpen):
        await database.check()
    await database.close()
