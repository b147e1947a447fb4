"""Two processes of one service, on one MongoDB and one Redis, each with its own data folder."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx
import pytest
import socketio

from tests.e2e.service_process import ServiceProcess
from tests.e2e.stacks import SharedStack
from tests.integration.realtime.service import NAMESPACE, Client
from tests.servers.nginx import nginx
from tests.servers.redis import free_port, redis_server


@dataclass
class Pair:
    """Both processes and their Redis."""

    here: ServiceProcess
    there: ServiceProcess
    redis_port: int
    redis: AsyncExitStack = field(default_factory=AsyncExitStack)
    clients: list[Client] = field(default_factory=list)

    async def start_redis(self) -> None:
        await self.redis.enter_async_context(redis_server(self.redis_port))

    async def stop_redis(self) -> None:
        await self.redis.aclose()

    async def client(self, url: str, token: str) -> Client:
        """A client with the origin of the service's own page."""
        client = Client()
        await client.io.connect(
            url,
            headers={"Origin": url},
            namespaces=[NAMESPACE],
            auth={"token": token},
            transports=["websocket"],
            wait_timeout=60,
        )
        self.clients.append(client)
        return client

    async def watcher(self, url: str, token: str, room: str) -> Client:
        client = await self.client(url, token)
        await client.emit("join_room", {"room": room})
        await client.next("status")
        return client

    async def part(self) -> None:
        for client in self.clients:
            await client.io.disconnect()
        self.clients.clear()


@pytest.fixture(scope="module")
async def processes(
    mongodb_uri: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Pair]:
    redis_port = free_port()
    changes = {
        "REDIS_URL": f"redis://127.0.0.1:{redis_port}/0",
        "SOCKETIO_TRANSPORTS": "websocket",
        "MAX_REALTIME_SESSIONS_PER_USER": "3",
    }
    stack = SharedStack(mongodb_uri, changes)
    here, there = (ServiceProcess(tmp_path_factory.mktemp("service"), stack) for _ in range(2))
    pair = Pair(here, there, redis_port)
    try:
        await pair.start_redis()
        await asyncio.gather(here.start(), there.start())
        yield pair
        for process in (here, there):
            await process.stop()
    finally:
        for process in (here, there):
            await process.close()
        await pair.stop_redis()


@pytest.fixture
async def pair(processes: Pair) -> AsyncIterator[Pair]:
    """The processes; clients are disconnected at the end."""
    yield processes
    await processes.part()


async def token_of_somebody(pair: Pair) -> str:
    return (await pair.here.sign_in())["access_token"]


async def redis_is(process: ServiceProcess) -> str:
    async with process.client() as guest:
        ready = await guest.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["status"] == "ready"
    return ready.json()["services"]["redis"]


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    """Poll until the condition holds."""
    async with asyncio.timeout(60):
        while not await is_so():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def is_shared(sender: Client, watcher: Client, picture: bytes) -> bool:
    """Send one frame; returns whether the watcher got its result."""
    frame_id = len(sender.events)
    await sender.frame(frame_id, picture)
    result = await sender.next("detection_result")
    assert result["frame_id"] == frame_id
    await watcher.is_served()  # earlier messages have arrived by now
    return result in results_of(watcher)


def results_of(client: Client) -> list[dict[str, Any]]:
    return [payload for name, payload in client.events if name == "detection_result"]


async def test_results_reach_a_room_through_both_processes(pair, astronaut):
    alice, mallory = await token_of_somebody(pair), await token_of_somebody(pair)
    sender = await pair.watcher(pair.here.url, alice, "kitchen")
    watcher = await pair.watcher(pair.there.url, alice, "kitchen")
    elsewhere = await pair.watcher(pair.there.url, alice, "garage")
    stranger = await pair.watcher(pair.there.url, mallory, "kitchen")
    await sender.start()
    await until(lambda: is_shared(sender, watcher, astronaut))
    own, shared = results_of(sender), results_of(watcher)
    assert shared[-1] == own[-1]
    assert shared[-1]["faces"][0]["dominant_emotion"] == "happy"
    for results in (own, shared):
        frames = [result["frame_id"] for result in results]
        assert frames == sorted(set(frames)), "each once, in order"
    for client in (elsewhere, stranger):
        assert await client.is_served()
        assert results_of(client) == []


async def test_the_proxy_distributes_clients_without_sticky_sessions(pair, astronaut, tmp_path):
    copies = [process.url.removeprefix("http://") for process in (pair.here, pair.there)]
    token = await token_of_somebody(pair)
    async with nginx(tmp_path, copies) as url, httpx.AsyncClient(trust_env=False) as http:
        sender = await pair.watcher(url, token, "kitchen")
        watcher = await pair.watcher(url, token, "kitchen")
        assert [await sessions_of(process) for process in (pair.here, pair.there)] == [1, 1]
        await sender.start()
        await until(lambda: is_shared(sender, watcher, astronaut))
        polling = await http.get(f"{url}/socket.io/?EIO=4&transport=polling")
        assert (polling.status_code, "websocket" in polling.json()["message"]) == (400, True)
        batch = [("files", ("photo.jpg", astronaut, "image/jpeg"))] * 3
        signed_in = {"Authorization": f"Bearer {token}"}
        answer = await http.post(
            f"{url}/api/detect/batch", files=batch, headers=signed_in, timeout=120
        )
        assert answer.text.count('"status":"completed"') == 3
        await pair.part()


async def sessions_of(process: ServiceProcess) -> int:
    async with process.client() as guest:
        metrics = (await guest.get("/metrics")).text
    counted = re.search(r"^emotion_stream_sessions (.+)$", metrics, re.MULTILINE)
    assert counted is not None
    return round(float(counted[1]))


async def test_the_limit_of_sessions_per_user_holds_across_processes(pair):
    token = await token_of_somebody(pair)
    for process in (pair.here, pair.there, pair.here):
        await pair.client(process.url, token)
    for process in (pair.here, pair.there):
        with pytest.raises(socketio.exceptions.ConnectionError):
            await pair.client(process.url, token)
    assert await (await pair.client(pair.there.url, await token_of_somebody(pair))).is_served()
    await pair.clients.pop(0).io.disconnect()

    async def lets_in() -> bool:
        try:
            await pair.client(pair.there.url, token)
        except socketio.exceptions.ConnectionError:
            return False
        return True

    await until(lets_in)


async def test_guests_and_addresses_have_one_quota_across_processes(pair, astronaut):
    def both():
        return [f"{process.url}/api/detect" for process in (pair.here, pair.there)]

    async def send(guest: httpx.AsyncClient, url: str) -> int:
        return (await guest.post(url, files={"file": astronaut})).status_code

    for guests_before in (0, 1):  # 3 uses for each guest, 6 for an address
        async with httpx.AsyncClient(timeout=120, trust_env=False) as guest:
            answers = [await send(guest, url) for url in both() * 2]
            assert answers == [200, 200, 200, 429], f"guest {guests_before + 1}"
            assert [await send(guest, url) for url in both()] == [429, 429]
    for url in both():
        async with httpx.AsyncClient(timeout=120, trust_env=False) as fresh:
            assert await send(fresh, url) == 429, "the address is used up"


async def test_without_redis_each_process_works_alone_and_they_reconnect_later(pair, astronaut):
    token = await token_of_somebody(pair)
    sender = await pair.watcher(pair.here.url, token, "kitchen")
    watcher = await pair.watcher(pair.there.url, token, "kitchen")
    await sender.start()
    await until(lambda: is_shared(sender, watcher, astronaut))
    assert [await redis_is(process) for process in (pair.here, pair.there)] == ["up", "up"]

    await pair.stop_redis()
    for process in (pair.here, pair.there):
        await until(partial(is_down, process))
    assert not await is_shared(sender, watcher, astronaut), "and yet the sender got its result"
    async with pair.here.client(token) as user:
        assert (await user.post("/api/detect", files={"file": astronaut})).status_code == 200
    beside = await pair.watcher(pair.here.url, token, "kitchen")
    assert await is_shared(sender, beside, astronaut)

    await pair.start_redis()
    for process in (pair.here, pair.there):
        await until(partial(is_up, process))
    await until(lambda: is_shared(sender, watcher, astronaut))


async def is_down(process: ServiceProcess) -> bool:
    return await redis_is(process) == "down"


async def is_up(process: ServiceProcess) -> bool:
    return await redis_is(process) == "up"
