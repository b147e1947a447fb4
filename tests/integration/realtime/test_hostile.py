"""Hostile and faulty clients, which must not affect others."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import httpx
import pytest

from entrypoints.realtime.housekeeping import Housekeeping
from tests.integration.realtime.service import PICTURE, Service, running_service

DEEP: Any = []
for _ in range(200):
    DEEP = [DEEP]
GARBAGE: list[Any] = [
    None, True, 0, -1, 1.5, 2**70, "", "text", "\x00\ud7ff", [], [[]], [1, "a"], {}, {"": None},
    b"", b"\x00\xff", {"config": 5}, {"config": []}, {"config": {"x": {}}}, {"action": {}},
    {"action": []},
    {"frame_id": {}}, {"frame_id": True, "timestamp": 1, "data": "x"}, {"frame_id": 1},
    {"frame_id": 1, "timestamp": "now", "data": "x"},
    {"frame_id": 1, "timestamp": 1e999, "data": "x"},
    {"frame_id": 1, "timestamp": 1, "data": 5}, {"frame_id": 1, "timestamp": 1, "data": ""},
    {"frame_id": 1, "timestamp": 1, "data": {"a": b"x"}}, {"frame_id": 2**80, "timestamp": 1},
    {"frame_id": 1, "timestamp": 1, "data": "x", "resolution": [1]},
    {"frame_id": 1, "timestamp": 1, "data": "x", "resolution": "640x480"},
    {"frame_id": 1, "timestamp": 1, "data": "x", "width": -1}, {"room": 5}, {"room": "x" * 100},
    {"client_id": []}, DEEP,
]  # fmt: skip
GREETING = "/socket.io/?EIO=4&transport=polling"
EVENTS = ["initialize", "control", "video_frame", "join_room"]


@asynccontextmanager
async def raw_connection(service: Service) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A WebSocket after Engine.IO's handshake."""
    url = f"{service.url}/socket.io/?EIO=4&transport=websocket"
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as ws:
        assert (await ws.receive()).data.startswith("0")
        yield ws


async def enter(ws: aiohttp.ClientWebSocketResponse, token: str) -> None:
    """Connect to the namespace."""
    await ws.send_str("40/emotion-detection," + json.dumps({"token": token}))
    assert (await ws.receive()).data.startswith("40/emotion-detection,")


async def closed(ws: aiohttp.ClientWebSocketResponse) -> None:
    """Wait until the service has closed the connection."""
    async with asyncio.timeout(60):
        while (await ws.receive()).type not in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED}:
            pass


@pytest.mark.parametrize("running", [False, True])
async def test_malformed_events_are_answered_and_the_session_continues(
    service: Service, running: bool
) -> None:
    bystander, client = await service.client("bob@example.com"), await service.client()
    if running:
        await client.start()
    for event in EVENTS:
        for garbage in GARBAGE:
            answers = len(client.events)
            await client.emit(event, garbage)
            assert await client.is_served()
            assert len(client.events) - answers >= 2, (event, garbage)
        await client.emit(event)
        await client.emit(event, {}, {}, {})
    for event, payload in client.events:
        if event == "error_message":
            assert payload["code"] in {400, 413}, payload
    await client.start()
    await client.frame(99)
    assert (await client.next("detection_result"))["frame_id"] == 99
    assert {name for name, _ in bystander.events} == set()
    assert await bystander.is_served()


@pytest.mark.parametrize(
    "event",
    ["connect", "disconnect", "connect_error", "message", "trigger_event", "", "forget", "*"],
)
async def test_unknown_events_are_answered(service: Service, event: str) -> None:
    client = await service.client()
    sent: list[tuple[object, ...]] = [(), ({},), ("a", "b"), ({"token": "x"}, None)]
    for data in sent:
        assert (await client.refused(event, *data))["code"] == 400
    await client.start()
    assert service.sessions == 1


async def test_a_client_may_ask_for_an_acknowledgement_of_anything(service: Service) -> None:
    client = await service.client()
    for event in ("ping", "nonsense", "video_frame", "disconnect"):
        await client.io.call(event, {"x": 1}, namespace="/emotion-detection", timeout=20)
    assert await client.is_served()


@pytest.mark.parametrize(
    "message",
    [
        "", "4", "9", "42", "42[]", '42["x"]', "42{}", '42/emotion-detection,{"a":1}', "4x",
        "42/emotion-detection,[[1,2]]", "42/emotion-detection,[null]", "42/emotion-detection,5",
        '42/emotion-detection,[{"a":1},{}]', "42/emotion-detection," + "[" * 5000,
        "43/emotion-detection,7[]", "44/emotion-detection,{}", "47", "45999999999-[]",
        '451000000-/emotion-detection,["x"]', '451-/emotion-detection,["video_frame"',
        "40/emotion-detection", "40/emotion-detection,{}", "40/nowhere,", "41/nowhere,",
        '42/emotion-detection,["ping"', '42/emotion-detection,9' + "9" * 200 + '["ping"]',
    ],
)  # fmt: skip
async def test_malformed_messages_end_at_most_their_own_connection(
    service: Service, message: str
) -> None:
    bystander = await service.client("bob@example.com")
    async with raw_connection(service) as ws:
        await enter(ws, await service.token())
        await ws.send_str(message)
        await ws.send_str('42/emotion-detection,["ping"]')
        async with asyncio.timeout(60):
            while True:
                answer = await ws.receive()
                if answer.type is not aiohttp.WSMsgType.TEXT or "pong" in answer.data:
                    break
    assert await bystander.is_served()
    await service.until_sessions(1)


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "http://127.0.0.1:3001", "http://[::1", "http://", "null", "://"],
)
async def test_pages_of_other_origins_may_not_connect(service: Service, origin: str) -> None:
    async with httpx.AsyncClient(base_url=service.url, trust_env=False) as http:
        for allowed in ("http://localhost:3000", "http://127.0.0.1:3000", service.url):
            answer = await http.get(GREETING, headers={"Origin": allowed})
            assert answer.status_code == 200
        assert (await http.get(GREETING, headers={"Origin": origin})).status_code == 400


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Cookie": "a" * 9000}, 431), ({"Content-Length": "5"}, 400)],
    ids=["too large", "with a body"],
)
async def test_a_handshake_that_cannot_be_read_is_answered(
    service: Service, headers: dict[str, str], status: int
) -> None:
    async with aiohttp.ClientSession() as client:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await client.ws_connect(
                f"{service.url}/socket.io/?EIO=4&transport=websocket", headers=headers
            )
    assert refused.value.status == status


async def test_incomplete_binary_messages_are_not_kept(service: Service) -> None:
    async with raw_connection(service) as ws:
        await enter(ws, await service.token())
        await ws.send_str(
            '451-/emotion-detection,["video_frame",{"data":{"_placeholder":true,"num":0}}]'
        )
    await service.until_sessions(0)
    assert service.server._binary_packet == {}


@pytest.mark.parametrize("parts", ["t", "tt", "tb", "bt"])
async def test_a_text_where_a_binary_part_was_announced_is_answered(
    service: Service, parts: str
) -> None:
    data = [{"_placeholder": True, "num": number} for number in range(len(parts))]
    event = json.dumps(["video_frame", {"frame_id": 7, "data": data}])
    async with raw_connection(service) as ws:
        await enter(ws, await service.token())
        await ws.send_str(f"45{len(parts)}-/emotion-detection,{event}")
        for part in parts:
            if part == "t":
                await ws.send_str("4[object Blob]")
            else:
                await ws.send_bytes(b"x")
        answer = (await ws.receive()).data
        assert "a binary part was announced and text came" in answer
        assert '"frame_id":7' in answer
        await ws.send_str('42/emotion-detection,["ping"]')
        assert "pong" in (await ws.receive()).data


async def test_entering_twice_opens_no_second_session(service: Service) -> None:
    async with raw_connection(service) as ws:
        token = await service.token()
        await enter(ws, token)
        await ws.send_str("40/emotion-detection," + json.dumps({"token": token}))
        await ws.send_str('42/emotion-detection,["ping"]')
        await ws.receive()
        assert service.sessions <= 1
    await service.until_sessions(0)


async def test_a_connection_that_does_not_enter_the_namespace_is_closed(service: Service) -> None:
    housekeeping = Housekeeping(service.server)
    async with raw_connection(service) as ws:
        for _ in range(30):
            await housekeeping.sweep()
        await closed(ws)


async def test_an_oversized_message_ends_its_connection(service: Service) -> None:
    bystander = await service.client("bob@example.com")
    client = await service.client()
    await client.start()
    await client.frame(1, b"x" * 17_000_000)
    async with asyncio.timeout(60):
        await client.gone.wait()
    await service.until_sessions(1)
    assert await bystander.is_served()


async def test_a_thousand_frames_in_a_row_are_all_accounted_for(service: Service) -> None:
    client = await service.client()
    await client.start(max_frame_rate=60)
    for i in range(1000):
        await client.frame(i)
    await client.emit("control", {"action": "stop"})
    frames = (await client.next("session_summary"))["frames"]
    results = [payload for name, payload in client.events if name == "detection_result"]
    assert frames["received"] == 1000
    assert frames["processed"] == len(results) > 0
    assert frames["processed"] + frames["dropped"] == 1000


async def test_a_flood_does_not_starve_other_sessions(service: Service) -> None:
    flood, calm = await service.client("mallory@example.com"), await service.client()
    await flood.start(max_frame_rate=60)
    await calm.start()

    async def pour() -> None:
        for i in range(5_000):
            await flood.frame(i)

    pouring = asyncio.create_task(pour())
    for i in range(20):
        await calm.frame(i)
        assert (await calm.next("detection_result"))["frame_id"] == i
    pouring.cancel()
    await asyncio.gather(pouring, return_exceptions=True)


async def test_a_client_that_does_not_read_uses_no_memory_and_is_disconnected(
    service: Service,
) -> None:
    calm = await service.client()
    await calm.emit("join_room", {"room": "kitchen"})
    await calm.next("status")
    await calm.start()
    token = await service.token()
    housekeeping = Housekeeping(service.server)
    deaf = _deaf_socket(service.port)
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_sendall(deaf, _upgrade_request(service.port))
        await loop.sock_recv(deaf, 4096)
        for text in (
            "40/emotion-detection," + json.dumps({"token": token}),
            '42/emotion-detection,["join_room",{"room":"kitchen"}]',
        ):
            await loop.sock_sendall(deaf, _text_frame(text))
        await service.until_sessions(2)
        eio_sid = next(sid for sid in service.server.eio.sockets if sid != calm.io.eio.sid)

        async def shout() -> None:
            nonsense = 200 * _text_frame('42/emotion-detection,["' + "nonsense" * 7 + '"]')
            while True:
                await loop.sock_sendall(deaf, nonsense)

        shouting = asyncio.create_task(shout())
        async with asyncio.timeout(60):
            while service.server.waiting_packets(eio_sid) < 64:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        for frame_id in range(20):
            await calm.frame(frame_id)
            assert (await calm.next("detection_result"))["frame_id"] == frame_id
        assert service.server.waiting_packets(eio_sid) <= 70, "what it watches piles up"
        for _ in range(11):
            await housekeeping.sweep()
        await service.until_sessions(1)
        shouting.cancel()
        await asyncio.gather(shouting, return_exceptions=True)
        assert await calm.is_served()
    finally:
        deaf.close()


async def test_disconnected_clients_leave_no_session_and_no_task() -> None:
    async with running_service() as service:
        await (await service.client()).io.disconnect()
        await service.until_sessions(0)
        before = len(asyncio.all_tasks())
        for _ in range(10):
            async with raw_connection(service) as ws:
                await enter(ws, await service.token())
                await ws.send_str('42/emotion-detection,["control",{"action":"start"}]')
                await ws.receive()
                connection: Any = ws._response.connection
                connection.transport.abort()  # without a close packet
        await service.until_sessions(0)
        # The library's own task for a connection would end with its next ping, 15 s later.
        async with asyncio.timeout(10):
            while len(asyncio.all_tasks()) > before:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_control_events_are_accepted_in_any_order(service: Service) -> None:
    client = await service.client()
    for action in ("stop", "configure", "start", "start", "stop", "stop", "configure", "start"):
        await client.emit("control", {"action": action})
        await client.emit("initialize")
        await client.frame(1)
        await client.emit("join_room", {"room": "r"})
    assert await client.is_served()
    await client.start()
    await client.frame(1000)
    while (await client.next("detection_result"))["frame_id"] != 1000:
        pass


async def test_an_undecodable_frame_fails_alone(service: Service) -> None:
    client = await service.client()
    await client.start()
    for i, data in enumerate([b"\xff\xd8\xff", b"GIF89a", PICTURE[:-3], "%%%", "AAAA"]):
        await client.frame(i, data)
        error = await client.next("error_message")
        assert (error["code"], error["frame_id"]) == (400, i)
    await client.frame(9)
    await client.next("detection_result")


def _deaf_socket(port: int) -> socket.socket:
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.connect(("127.0.0.1", port))
    deaf.setblocking(False)
    return deaf


def _upgrade_request(port: int) -> bytes:
    return (
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n"
        f"Host: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


def _text_frame(text: str) -> bytes:
    """A WebSocket text frame with a mask of zeros (RFC 6455, section 5.2)."""
    data = text.encode()
    size = len(data)
    length = bytes([0x80 | size]) if size < 126 else bytes([0xFE]) + size.to_bytes(2, "big")
    return b"\x81" + length + b"\0\0\0\0" + data


@pytest.mark.parametrize("in_order", [1, -1])
async def test_a_huge_text_is_not_read_but_its_frame_is_named(
    service: Service, in_order: int
) -> None:
    client = await service.client()
    await client.start()
    keys = [("frame_id", 7), ("timestamp", 1.5), ("data", "A" * 14_000_000)]
    await client.emit("video_frame", dict(keys[::in_order]))
    error = await client.next("error_message")
    assert (error["code"], error["frame_id"]) == (413, 7)
    assert "more than 4 MiB" in error["message"]
    await client.frame(9)
    assert (await client.next("detection_result"))["frame_id"] == 9
