"""The order in which connections that arrive at once are served."""

import asyncio
import os
import resource
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from tests.servers.listening import listening

MANY = 40
LARGE = 200_000
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Application:
    """Keeps the paths of requests in the order in which they reach it."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.large_may_go = asyncio.Event()

    async def __call__(self, scope, receive, send) -> None:
        self.paths.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if scope["path"] == "/large":
            await self.large_may_go.wait()
            await send({"type": "http.response.body", "body": bytes(LARGE), "more_body": True})
            self.paths.append("end of large")
        await send({"type": "http.response.body"})


class Callers:
    """Sockets that connect and send before the service gets to accept any of them."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open: list[socket.socket] = []
        self._asking: list[socket.socket] = []

    def call(self, path: str, header: str = "Accept: */*", address: str = "127.0.0.1") -> None:
        """Connect from an address of this machine, and ask for the path."""
        caller = self._connect(address)
        self._asking.append(caller)
        caller.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n{header}\r\n\r\n".encode())

    def connect(self) -> None:
        """Connect, and send nothing."""
        self._connect("127.0.0.1")

    def reset_all(self) -> None:
        """Reset every connection."""
        for caller in self._open:
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.close()

    async def answers(self) -> None:
        """Wait for an answer to each request."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(30):
            for caller in self._asking:
                caller.setblocking(False)
                assert (await loop.sock_recv(caller, 100)).startswith(b"HTTP/1.1 200 ")

    def close(self) -> None:
        """Close every connection."""
        for caller in self._open:
            caller.close()
        self._open, self._asking = [], []

    def _connect(self, address: str) -> socket.socket:
        where = ("127.0.0.1", self._port)
        caller = socket.create_connection(where, 30, source_address=(address, 0))
        self._open.append(caller)
        return caller


@asynccontextmanager
async def waiting(application: Application) -> AsyncIterator[Callers]:
    """A service, and the callers that wait for it."""
    async with listening(application, lifespan="off") as port:
        callers = Callers(port)
        try:
            yield callers
        finally:
            callers.close()


async def test_the_health_of_the_service_is_not_asked_for_in_vain() -> None:
    application = Application()
    async with waiting(application) as callers:
        for _ in range(MANY):
            callers.call("/other")
        callers.call("/healthz")
        await callers.answers()
    assert application.paths.index("/healthz") < 3


async def test_clients_with_a_token_do_not_wait_for_those_without() -> None:
    application = Application()
    async with waiting(application) as callers:
        for _ in range(MANY):
            callers.call("/other")
        callers.call("/mine", header="Authorization: Bearer abc")
        await callers.answers()
    assert application.paths.index("/mine") < 3


async def test_network_addresses_take_turns() -> None:
    application = Application()
    async with waiting(application) as callers:
        for _ in range(MANY):
            callers.call("/many", address="127.0.0.2")
        callers.call("/one", address="127.0.0.3")
        await callers.answers()
    assert application.paths.index("/one") < 3


async def test_clients_that_say_nothing_delay_nobody() -> None:
    application = Application()
    async with waiting(application) as callers:
        for _ in range(MANY):
            callers.connect()
        callers.call("/spoken")
        await callers.answers()
    assert application.paths == ["/spoken"]


async def test_large_answers_that_are_ready_at_once_are_sent_in_turn() -> None:
    application = Application()
    async with waiting(application) as callers:
        for _ in range(MANY):
            callers.call("/large")
        await callers.answers()
        application.large_may_go.set()
        passes = 0
        async with asyncio.timeout(30):
            while application.paths.count("end of large") < MANY:
                await asyncio.sleep(0)
                passes += 1
    assert passes >= MANY


async def test_clients_that_read_are_not_cut_off_while_their_large_answers_wait() -> None:
    application = Application()
    count = 100  # more bytes than those of unread answers may be
    async with listening(application, lifespan="off") as port, asyncio.timeout(30):

        async def read() -> int:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = await reader.read()
            writer.close()
            return len(answer)

        reading = asyncio.gather(*(read() for _ in range(count)))
        while len(application.paths) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        application.large_may_go.set()
        assert min(await reading) > LARGE


async def test_a_request_whose_client_has_reset_the_connection_does_not_reach_the_service() -> None:
    application = Application()
    async with waiting(application) as callers:
        for _ in range(MANY):
            callers.call("/nobody")
        callers.reset_all()
        callers.call("/somebody")
        await callers.answers()
    assert application.paths == ["/somebody"]


async def test_connections_wait_while_the_process_may_open_no_more_files(
    caplog: pytest.LogCaptureFixture,
) -> None:
    application = Application()
    async with waiting(application) as callers:
        callers.call("/late")
        with no_more_files():
            async with asyncio.timeout(30):
                while "no connection can be accepted" not in caplog.text:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            assert application.paths == []
        await callers.answers()
    assert application.paths == ["/late"]


@contextmanager
def no_more_files() -> Iterator[None]:
    """Let this process open no file for the length of the block."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
