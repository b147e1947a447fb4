"""Request lines and headers that few clients send."""

import asyncio
from typing import Any

from tests.servers.listening import listening

NAME = (b"x-name", "é".encode())


class Application:
    """Keeps the scopes of requests."""

    def __init__(self) -> None:
        self.scopes: list[dict[str, Any]] = []

    async def __call__(self, scope, receive, send) -> None:
        self.scopes.append(scope)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})


async def answered(application: Application, *pieces: bytes) -> list[bytes]:
    """The status of each answer to what a client sends, waiting for one before the next piece."""
    statuses = []
    async with asyncio.timeout(30), listening(application, lifespan="off") as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for piece in pieces:
            writer.write(piece)
            statuses.append((await reader.readuntil(b"\r\n\r\n")).split()[1])
        writer.close()
    return statuses


async def test_only_the_address_is_encoded() -> None:
    application = Application()
    request = "GET /é HTTP/1.1\r\nHost: x\r\nX-Name: é\r\n\r\n".encode()
    assert await answered(application, request, request) == [b"204", b"204"]
    for scope in application.scopes:
        assert (scope["path"], scope["raw_path"]) == ("/é", b"/%C3%A9")
        assert NAME in scope["headers"]


async def test_a_header_behind_a_request_line_that_was_pipelined_is_left_as_it_is() -> None:
    application = Application()
    first = b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\n"
    rest = "X-Name: é\r\nHost: x\r\n\r\n".encode()
    assert await answered(application, first, rest) == [b"204", b"204"]
    assert NAME in application.scopes[1]["headers"]


async def test_a_method_of_other_characters_is_refused() -> None:
    application = Application()
    request = "GÉT / HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    assert await answered(application, request) == [b"400"]
    assert application.scopes == []


async def test_no_request_is_accepted_behind_a_body_with_two_lengths() -> None:
    application = Application()
    lengths = b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    requests = (
        b"POST /first HTTP/1.1\r\nHost: x\r\n" + lengths + b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    )
    async with asyncio.timeout(30), listening(application, lifespan="off") as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(requests)
        answer = await reader.read()
        writer.close()
    assert answer.count(b"HTTP/1.1 204") == 1
    assert b"connection: close" in answer.lower()
    assert [scope["path"] for scope in application.scopes] == ["/first"]
