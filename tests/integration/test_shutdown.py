"""Connections while the service shuts down."""

import asyncio
import socket
from collections.abc import Iterator

import pytest

from entrypoints.server.connections import connection_of
from tests.servers.listening import listening

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


class Large:
    """Answers with more than the kernel buffers.

    Args:
        may_end: nothing more is sent until then; None sends on.
    """

    def __init__(self, may_end: asyncio.Event | None) -> None:
        self.is_unsent = asyncio.Event()
        self._may_end = may_end

    async def __call__(self, scope, receive, send) -> None:
        part = {"type": "http.response.body", "body": bytes(20_000), "more_body": True}
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while not connection_of(scope).transport.get_write_buffer_size():
            await send(part)
            await asyncio.sleep(0.01)  # the kernel may take a little more
        self.is_unsent.set()
        if self._may_end is None:
            for _ in range(500):
                await send(part)
        else:
            await self._may_end.wait()
        await send({"type": "http.response.body"})


@pytest.fixture
def deaf() -> Iterator[socket.socket]:
    """A client that reads nothing."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        yield client


@pytest.mark.parametrize("ends", ["before", "meanwhile", "never"])
async def test_an_answer_that_nobody_reads_does_not_delay_shutdown(
    deaf: socket.socket, ends: str
) -> None:
    loop = asyncio.get_running_loop()
    may_end = asyncio.Event()
    large = Large(None if ends == "never" else may_end)
    async with asyncio.timeout(30) as limit:
        async with listening(large, timeout_graceful_shutdown=30, lifespan="off") as port:
            await loop.sock_connect(deaf, ("127.0.0.1", port))
            await loop.sock_sendall(deaf, REQUEST)
            await large.is_unsent.wait()
            if ends == "before":
                may_end.set()
                await asyncio.sleep(0.1)
            loop.call_later(1, may_end.set)
            limit.reschedule(loop.time() + 9)


async def test_a_websocket_that_nobody_reads_does_not_delay_shutdown(deaf: socket.socket) -> None:
    is_unsent = asyncio.Event()

    async def talks(scope, receive, send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while not connection_of(scope).transport.get_write_buffer_size():
            await send({"type": "websocket.send", "bytes": bytes(20_000)})
            await asyncio.sleep(0.01)
        is_unsent.set()
        while (await receive())["type"] != "websocket.disconnect":
            pass

    loop = asyncio.get_running_loop()
    async with asyncio.timeout(30) as limit:
        async with listening(talks, timeout_graceful_shutdown=30, lifespan="off") as port:
            await loop.sock_connect(deaf, ("127.0.0.1", port))
            await loop.sock_sendall(deaf, HANDSHAKE)
            await is_unsent.wait()
            limit.reschedule(loop.time() + 8)


async def test_an_answer_during_shutdown_announces_that_the_connection_closes() -> None:
    asked, may_answer = asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send) -> None:
        asked.set()
        await may_answer.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async with asyncio.timeout(60):
        async with listening(app, timeout_graceful_shutdown=30, lifespan="off") as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(REQUEST)
            await asked.wait()
            asyncio.get_running_loop().call_later(0.5, may_answer.set)
        answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 204 ")
    assert b"\r\nconnection: close\r\n" in answer.lower()
