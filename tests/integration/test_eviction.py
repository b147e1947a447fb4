"""Which connection gives way to a new one when there is no place left."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from entrypoints.server.connections import Connections
from entrypoints.settings.connections import ConnectionSettings
from tests.servers.listening import listening

LARGE = 60_000  # Complete for uvicorn once it is written, although little of it fits the socket.
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
CUT = 10


async def application(scope, _receive, send) -> None:
    body = bytes(LARGE) if scope["path"] == "/large" else b"."
    length = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": length})
    await send({"type": "http.response.body", "body": body})


class Client:
    """Reads only when told to."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.connect(("127.0.0.1", port))
        self._socket.setblocking(False)

    async def send(self, data: bytes) -> None:
        """Send, and let the service receive it."""
        self._socket.sendall(data)
        for _ in range(50):
            await asyncio.sleep(0)

    async def read(self, end: bytes) -> bytes:
        """Read until the service has sent that, or closed the connection."""
        read = b""
        while end not in read:
            try:
                part = await asyncio.get_running_loop().sock_recv(self._socket, 65536)
            except ConnectionResetError:
                part = b""
            if not part:
                break
            read += part
        return read

    async def ask(self) -> bytes:
        """The status of an answer; empty if the connection was closed."""
        await self.send(REQUEST)
        return (await self.read(b"\r\n\r\n."))[9:12]

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


@asynccontextmanager
async def service(**limits: int) -> AsyncIterator[Any]:
    """A service with those limits; yields what makes clients of it."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    listener.bind(("127.0.0.1", 0))
    places = Connections(ConnectionSettings.model_construct(None, **limits), CollectorRegistry())
    clients: list[Client] = []

    def connect() -> Client:
        clients.append(Client(listener.getsockname()[1]))
        return clients[-1]

    async with (
        listening(application, connections=places, listener=listener, lifespan="off"),
        asyncio.timeout(30),
    ):
        try:
            yield connect
        finally:
            for each in clients:
                each.close()


@pytest.mark.parametrize("limit", ["max_connections", "max_connections_per_address"])
async def test_a_connection_gives_way_once_its_answer_is_read(limit: str) -> None:
    async with service(**{limit: 1}) as connect:
        first = connect()
        await first.send(REQUEST.replace(b"/", b"/large", 1))
        assert await connect().ask() == b"503"
        answer = await first.read(bytes(LARGE))
        assert len(answer.partition(b"\r\n\r\n")[2]) == LARGE
        assert await connect().ask() == b"200"
        assert await first.ask() == b""


@pytest.mark.parametrize("is_pipelined", [False, True])
async def test_an_arriving_request_keeps_its_place_at_its_address(is_pipelined: bool) -> None:
    async with service(max_connections_per_address=1) as connect:
        first = connect()
        if is_pipelined:
            await first.send(REQUEST + REQUEST[:CUT])
            await first.read(b"\r\n\r\n.")
        else:
            assert await first.ask() == b"200"
            await first.send(REQUEST[:CUT])
        assert await connect().ask() == b"503"
        await first.send(REQUEST[CUT:])
        assert (await first.read(b"\r\n\r\n."))[9:12] == b"200"


async def test_an_arriving_request_gives_way_when_all_places_are_taken() -> None:
    async with service(max_connections=1) as connect:
        first = connect()
        await first.send(REQUEST[:CUT])
        assert await connect().ask() == b"200"
        assert await first.ask() == b""
