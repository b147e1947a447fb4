"""Attacks on connections delay other clients only briefly."""

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
import skimage.data

from tests.attacks.conftest import THREADS
from tests.attacks.costly_images import noisy_photograph
from tests.attacks.flood import ATTACKS, Attack, connected, frame, opened
from tests.attacks.memory import PeakMemory
from tests.e2e.calls import detect, settled
from tests.e2e.conftest import as_jpeg
from tests.e2e.service_process import ServiceProcess, serving

MAX_MB = 450
MOST_AT_REST_MB = 300
ATTACKED_FOR_S = 2.0


@pytest.fixture(scope="module")
async def target(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServiceProcess]:
    """One service for all attacks; none may impair it for the next."""
    async with serving(
        tmp_path_factory.mktemp("service"), INFERENCE_THREADS=str(THREADS)
    ) as service:
        yield service


@pytest.fixture(scope="module")
async def hasty(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServiceProcess]:
    """A service with short timeouts."""
    async with serving(
        tmp_path_factory.mktemp("hasty"),
        INFERENCE_THREADS=str(THREADS),
        HEADER_TIMEOUT_S="1",
        BODY_TIMEOUT_S="1",
        SOCKET_SIGN_IN_S="3",
    ) as service:
        yield service


@pytest.fixture(scope="module")
def astronaut() -> bytes:
    """A photo of one smiling face."""
    return as_jpeg(skimage.data.astronaut())


async def refused(service: ServiceProcess, reason: str) -> float:
    """How many connections the service has refused for this reason."""
    async with service.client() as client:
        text = (await client.get("/metrics")).text
    found = re.search(rf'emotion_connections_refused_total{{reason="{reason}"}} (\S+)', text)
    assert found is not None
    return float(found[1])


async def until_refused(service: ServiceProcess, reason: str, more_than: float = 0) -> None:
    async with asyncio.timeout(30):
        while await refused(service, reason) <= more_than:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


def deaf_client() -> socket.socket:
    """A socket with a tiny receive buffer, so that unread answers stay in the service."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    return client


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
async def test_under_attack_others_are_served_and_memory_stays_bounded(
    target: ServiceProcess, attack: Attack, astronaut: bytes
) -> None:
    async with PeakMemory(target.pid) as memory, await target.user() as user:
        attacking = asyncio.create_task(attack(target.port, ATTACKED_FOR_S))
        while not attacking.done():
            async with target.client() as visitor:
                assert (await visitor.get("/healthz")).status_code == 200
            photograph = {"file": ("photo.jpg", astronaut, "image/jpeg")}
            assert (await user.post("/api/detect", files=photograph)).status_code == 200
        await attacking
    assert memory.peak_mb < MAX_MB


async def test_unread_large_answers_are_dropped_and_other_clients_get_theirs(
    target: ServiceProcess,
) -> None:
    image = noisy_photograph()
    async with await target.user() as user:
        record = await detect(user, image)
        await settled(user, record["detection_id"])
        record = (await user.get(f"/api/history/{record['detection_id']}")).json()
        link = httpx.URL(record["image_url"])
        before = await refused(target, "answer_not_read")
        request = b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % link.raw_path
        loop = asyncio.get_running_loop()
        async with PeakMemory(target.pid) as memory, AsyncExitStack() as unread:
            for _ in range(150):
                client = unread.enter_context(deaf_client())
                await loop.sock_connect(client, ("127.0.0.1", target.port))
                await loop.sock_sendall(client, request)
            await until_refused(target, "answer_not_read", before)
            assert (await user.get(str(link))).content == image
            drawn = f"/api/history/{record['detection_id']}/annotated"
            answers = await asyncio.gather(*(user.get(drawn) for _ in range(24)))
            assert {answer.status_code for answer in answers} == {200}
    assert memory.peak_mb < MAX_MB


async def test_slow_clients_are_disconnected_counted_and_logged(hasty: ServiceProcess) -> None:
    reasons = ["idle", "header_too_slow", "body_too_slow", "not_signed_in"]
    before = {reason: await refused(hasty, reason) for reason in reasons}
    port = hasty.port
    async with connected(port), connected(port) as half, connected(port) as slow:
        await half.send(b"GET / HTTP/1.1\r\n")
        await slow.send(
            b"POST /auth/verify-token HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 60000\r\n\r\n{"
        )
        async with connected(port) as silent:
            await opened(silent)
            for reason in reasons:
                await until_refused(hasty, reason, before[reason])
    async with asyncio.timeout(30):
        while not all(f"connections refused: {reason}" in hasty.log for reason in reasons):  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def test_a_slow_client_gets_the_reason(hasty: ServiceProcess) -> None:
    async with asyncio.timeout(30), connected(hasty.port) as slow:
        await slow.send(b"GET / HTTP/1.1\r\nHost: x\r\n")
        answer = await slow.read_all()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"request_timeout"' in answer


async def test_large_messages_of_signed_in_clients_share_a_bounded_memory_and_return_it(
    target: ServiceProcess,
) -> None:
    token = (await target.sign_in())["access_token"].encode()
    large = b'42/emotion-detection,["video_frame",{"frame_id":1,"timestamp":1,"data":"%s"}]'
    before = await refused(target, "unfinished_messages")

    async def send_large_frames() -> None:
        async with connected(target.port) as wire:
            await opened(wire)
            await wire.send(frame(0x81, b'40/emotion-detection,{"token":"%s"}' % token))
            await wire.read_until(b'40/emotion-detection,{"sid"')
            with contextlib.suppress(OSError):
                for _ in range(3):
                    await wire.send(frame(0x81, large % (b"A" * 14_000_000)))

    async with PeakMemory(target.pid) as memory, asyncio.timeout(100):
        await asyncio.gather(*(send_large_frames() for _ in range(12)))
        await until_refused(target, "unfinished_messages", before)
        assert memory.peak_mb < MAX_MB
        while memory.resident_mb > MOST_AT_REST_MB:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("path", [b"/api/detect", b"/nowhere"])
async def test_a_body_of_tiny_chunks_is_not_read(hasty: ServiceProcess, path: bytes) -> None:
    async with asyncio.timeout(30), connected(hasty.port) as wire:
        await wire.send(
            b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=B\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n" % path + b"1\r\na\r\n" * 5000
        )
        answer = await wire.read_until(b"\r\n")
    assert answer.split()[1] in (b"400", b"404")


async def test_a_signed_in_websocket_stays_open(hasty: ServiceProcess) -> None:
    token = (await hasty.sign_in())["access_token"].encode()
    async with asyncio.timeout(30), connected(hasty.port) as wire:
        await opened(wire)
        await wire.send(frame(0x81, b'40/emotion-detection,{"token":"%s"}' % token))
        await wire.read_until(b'40/emotion-detection,{"sid"')
        before = await refused(hasty, "not_signed_in")
        async with connected(hasty.port) as stranger:
            await opened(stranger)
            await until_refused(hasty, "not_signed_in", before)
        await wire.send(frame(0x81, b'42/emotion-detection,["ping",{}]'))
        await wire.read_until(b'["pong"')


async def test_only_idle_connections_lose_their_places(tmp_path: Path, astronaut: bytes) -> None:
    async with serving(tmp_path, MAX_CONNECTIONS="16") as service, AsyncExitStack() as idle:
        for _ in range(40):
            await idle.enter_async_context(connected(service.port))
        async with await service.user() as user:
            photograph = {"file": ("photo.jpg", astronaut, "image/jpeg")}
            assert (await user.post("/api/detect", files=photograph)).status_code == 200
        assert await refused(service, "gave_way") > 20


async def test_connections_of_one_address_are_bounded(tmp_path: Path) -> None:
    async with serving(
        tmp_path, MAX_CONNECTIONS_PER_ADDRESS="8", FORWARDED_ALLOW_IPS="192.0.2.1"
    ) as service:
        async with AsyncExitStack() as idle:
            for _ in range(8):
                await idle.enter_async_context(connected(service.port))
            async with service.client() as client:
                answer = await client.get("/healthz")
            assert (answer.status_code, answer.json()["code"]) == (503, "too_many_connections")
            assert answer.headers["retry-after"] == "1"
        async with asyncio.timeout(30), service.client() as client:
            while (await client.get("/healthz")).status_code != 200:
                pass


async def test_a_new_connection_takes_the_place_of_one_kept_alive_at_its_address(
    tmp_path: Path,
) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    async with (
        serving(tmp_path, MAX_CONNECTIONS_PER_ADDRESS="8", FORWARDED_ALLOW_IPS="192.0.2.1") as it,
        AsyncExitStack() as kept,
    ):
        for _ in range(20):
            wire = await kept.enter_async_context(connected(it.port))
            await wire.send(request)
            await wire.read_until(b'{"status":"ok"}')


async def test_a_slow_body_does_not_delay_shutdown(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, SHUTDOWN_GRACE_S="600") as service,
        connected(service.port) as slow,
        connected(service.port) as half,
    ):
        await half.send(b"GET / HTTP/1.1\r\nHost: x\r\n")
        await slow.send(
            b"POST /auth/verify-token HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n"
            b"Content-Type: application/json\r\n\r\n{"
        )

        async def dribble() -> None:
            with contextlib.suppress(OSError):
                while True:
                    await slow.send(b" ")
                    await asyncio.sleep(0.5)

        dribbling = asyncio.create_task(dribble())
        async with asyncio.timeout(20):
            await service.stop()
        dribbling.cancel()
