"""Long polling, request by request."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from domain.user import User
from entrypoints.realtime import server
from entrypoints.realtime.housekeeping import Housekeeping
from tests.integration.realtime.service import PICTURE, Service

PING = '42/emotion-detection,["ping"]'
PICTURE_PART = "b" + base64.b64encode(PICTURE).decode()
FRAME = (
    '451-/emotion-detection,["video_frame",'
    '{"frame_id":1,"timestamp":1,"data":{"_placeholder":true,"num":0}}]'
)
STOP = '42/emotion-detection,["control",{"action":"stop"}]'


class Polling:
    """A long-polling connection made by hand."""

    def __init__(self, http: httpx.AsyncClient, sid: str) -> None:
        self.sid = sid
        self._http = http
        self._query = {"EIO": "4", "transport": "polling", "sid": sid}

    async def post(self, *packets: str) -> httpx.Response:
        """Send packets in one request."""
        return await self.post_body("\x1e".join(packets).encode())

    async def post_body(self, body: bytes | AsyncIterator[bytes]) -> httpx.Response:
        """Send any body."""
        return await self._http.post("/socket.io/", params=self._query, content=body)

    async def greet(self) -> httpx.Response:
        """The answer to a new client."""
        return await self._http.get("/socket.io/", params={"EIO": "4", "transport": "polling"})

    async def poll(self) -> httpx.Response:
        """The waiting packets, or the next ones."""
        return await self._http.get("/socket.io/", params=self._query)

    async def until(self, word: str) -> str:
        """Read up to the packet that contains this word."""
        while True:
            answer = await self.poll()
            assert answer.status_code == 200, answer.text
            for packet in answer.text.split("\x1e"):
                if word in packet:
                    return packet

    async def enter(self, token: str) -> None:
        """Connect to the namespace."""
        assert (await self.post(connect(token))).status_code == 200
        await self.until("40/emotion-detection,")


def connect(token: str) -> str:
    """The packet that connects to the namespace."""
    return "40/emotion-detection," + json.dumps({"token": token})


@asynccontextmanager
async def polling(service: Service) -> AsyncIterator[Polling]:
    """A connection without a namespace."""
    async with httpx.AsyncClient(base_url=service.url, trust_env=False, timeout=60) as http:
        greeting = await http.get("/socket.io/?EIO=4&transport=polling")
        yield Polling(http, json.loads(greeting.text[1:])["sid"])


async def test_a_burst_of_frames_in_one_request_is_accounted_for(service: Service) -> None:
    async with polling(service) as client:
        await client.enter(await service.token())
        await client.post('42/emotion-detection,["control",{"action":"start"}]')
        assert (await client.post(*100 * [FRAME, PICTURE_PART])).status_code == 200
        await client.post(STOP)
        summary = json.loads((await client.until("session_summary")).partition(",")[2])[1]
        assert summary["frames"]["received"] == 100


async def test_polling_answers_have_nosniff(service: Service) -> None:
    async with polling(service) as client:
        greeting = await client.greet()
        refused = await client.post_body(b"x")
    for answer in (greeting, refused):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def in_pieces() -> AsyncIterator[bytes]:
    """A body without a declared length."""
    yield STOP.encode()


@pytest.mark.parametrize(
    "body",
    ["\x1e".join(2000 * [STOP]).encode(), b"\xff", b"\x1e", b"bA", b"0{}", b"x", in_pieces],
    ids=["too many", "no text", "empty packets", "no base64", "not for us", "unknown", "in pieces"],
)
async def test_a_request_that_cannot_be_read_is_answered_by_400_and_ends_its_connection(
    service: Service, body: bytes | Callable[[], AsyncIterator[bytes]]
) -> None:
    async with polling(service) as client:
        await client.enter(await service.token())
        refused = await client.post_body(body() if callable(body) else body)
        assert refused.status_code == 400
        assert service.sessions == 0
        assert (await client.poll()).status_code == 400


async def test_text_in_place_of_a_binary_part_is_answered(service: Service) -> None:
    async with polling(service) as client:
        await client.enter(await service.token())
        await client.post(FRAME, STOP)
        assert "a binary part was announced and text came" in (await client.poll()).text
        assert service.sessions == 1


async def test_disconnecting_during_authentication_leaves_nothing(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify, asked, hung_up = service.identity.verify, asyncio.Event(), asyncio.Event()

    async def slowly(id_token: str) -> User:
        asked.set()
        await hung_up.wait()
        return await verify(id_token)

    monkeypatch.setattr(service.identity, "verify", slowly)
    token = service.identity.enrol("bob@example.com")
    async with polling(service) as client:
        entering = asyncio.create_task(client.post(connect(token)))
        await asked.wait()
        await client.post("1")
        hung_up.set()
        await entering
        assert service.sessions == 0
        assert service.server.manager.rooms == {}


async def test_connections_that_were_never_used_leave_no_task(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_MAX_NOT_SIGNED_IN", 3)
    async with polling(service) as client:
        before = len(asyncio.all_tasks())
        for _ in range(30):
            assert (await client.greet()).status_code == 200
        # The library's own task for a connection would end with its next ping, 15 s later.
        async with asyncio.timeout(10):
            while len(asyncio.all_tasks()) > before + 3:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_connecting_to_the_namespace_after_disconnecting_leaves_nothing(
    service: Service,
) -> None:
    async with polling(service) as client:
        await client.post("1", connect(await service.token()))
        assert service.sessions == 0
        assert service.server.manager.rooms == {}


async def test_a_client_that_reads_everything_at_intervals_stays_connected(
    service: Service,
) -> None:
    housekeeping = Housekeeping(service.server)
    async with polling(service) as client:
        await client.enter(await service.token())
        for _ in range(30):
            await client.post(*20 * [PING])
            await housekeeping.sweep()
            await client.until("pong")
        assert service.sessions == 1


async def test_a_client_that_does_not_read_is_disconnected_and_gets_400(service: Service) -> None:
    housekeeping = Housekeeping(service.server)
    async with polling(service) as client:
        await client.enter(await service.token())
        await client.post(*20 * [PING])
        for _ in range(11):
            await housekeeping.sweep()
        assert service.sessions == 0
        assert (await client.post(PING)).status_code == 400


async def test_a_client_that_disconnects_before_its_body_leaves_no_stack_trace(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    port = int(service.url.rpartition(":")[2])
    for _ in range(3):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"POST /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n"
            b"Content-Length: 10\r\n\r\n"
        )
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    async with httpx.AsyncClient(base_url=service.url, trust_env=False) as http:
        for _ in range(3):
            await http.get("/socket.io/", params={"EIO": "4", "transport": "polling"})
    assert not [record for record in caplog.records if record.exc_info]


async def test_a_stranger_may_send_few_messages(service: Service) -> None:
    async with polling(service) as client:
        await client.post(*["40/nowhere,"] * 1000)
        assert (await client.post("40/nowhere,")).status_code == 400


async def test_others_go_on_while_many_messages_of_one_post_are_handled(service: Service) -> None:
    async with polling(service) as client:
        await client.enter(await service.token())
        passes = 0
        posting = asyncio.create_task(client.post(*[PING] * 1000))
        while not posting.done():
            await asyncio.sleep(0)
            passes += 1
        assert (await posting).status_code == 200
    assert passes > 200
