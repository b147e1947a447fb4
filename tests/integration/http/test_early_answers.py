"""An answer given before the body was read reaches its client, and the connection ends."""

import asyncio
import io
import json
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import httpx
import pytest
import requests

from tests.servers.processes import missing

SCRIPT = Path(__file__).parents[2] / "js" / "early-answer.mjs"
EARLY = [
    ("/api/detect", 6_000_000, None, (413, "image_too_large")),
    ("/api/detect", 4_000_000, "expired", (401, "invalid_token")),
    ("/api/detects", 2_000_000, None, (404, "not_found")),
    ("/api/history/export", 2_000_000, None, (405, "method_not_allowed")),
]
Answer = tuple[int, str]
Sender = Callable[[str, int, dict[str, str]], Awaitable[Answer]]


def form(size: int) -> bytes:
    head = b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
    return head + bytes(size) + b"\r\n--B--\r\n"


def typed(headers: dict[str, str]) -> dict[str, str]:
    return {"Content-Type": "multipart/form-data; boundary=B", **headers}


async def by_urllib(url: str, size: int, headers: dict[str, str]) -> Answer:
    def post() -> Answer:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with pytest.raises(urllib.error.HTTPError) as caught:
            opener.open(urllib.request.Request(url, form(size), typed(headers)), timeout=60)
        with caught.value as error:
            return error.code, json.load(error)["code"]

    return await asyncio.to_thread(post)


async def by_requests(url: str, size: int, headers: dict[str, str]) -> Answer:
    def post() -> Answer:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(url, form(size), headers=typed(headers), timeout=60)
            return answer.status_code, answer.json()["code"]

    return await asyncio.to_thread(post)


async def by_requests_in_chunks(url: str, size: int, headers: dict[str, str]) -> Answer:
    def post() -> Answer:
        body = io.BytesIO(form(size))
        chunks = iter(lambda: body.read(65536), b"")
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(url, chunks, headers=typed(headers), timeout=60)
            return answer.status_code, answer.json()["code"]

    return await asyncio.to_thread(post)


async def by_httpx(url: str, size: int, headers: dict[str, str]) -> Answer:
    async with httpx.AsyncClient(trust_env=False, timeout=60, verify=False) as client:
        answer = await client.post(url, content=form(size), headers=typed(headers))
        return answer.status_code, answer.json()["code"]


async def by_aiohttp(url: str, size: int, headers: dict[str, str]) -> Answer:
    async with (
        aiohttp.ClientSession() as client,
        client.post(url, data=io.BytesIO(form(size)), headers=typed(headers)) as answer,
    ):
        return answer.status, (await answer.json(content_type=None))["code"]


def by_curl(*options: str) -> Sender:
    async def post(url: str, size: int, headers: dict[str, str]) -> Answer:
        curl = shutil.which("curl") or missing("curl", "apt install curl")
        told = [f"-H{name}: {value}" for name, value in typed(headers).items()]
        process = await asyncio.create_subprocess_exec(
            curl, "-sS", "--noproxy", "*", *options, *told, "--data-binary", "@-",
            "-w", "\n%{http_code}", url,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output, _ = await process.communicate(form(size))
        assert process.returncode == 0
        body, _, status = output.rpartition(b"\n")
        return int(status), json.loads(body)["code"]

    return post


def by_node(client: str) -> Sender:
    async def post(url: str, size: int, headers: dict[str, str]) -> Answer:
        node = shutil.which("node") or missing("Node.js", "see https://nodejs.org")
        token = headers.get("Authorization", "").removeprefix("Bearer ")
        process = await asyncio.create_subprocess_exec(
            node, SCRIPT, client, url, str(size), token, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()  # until it ends
        status, code = output.split()
        return int(status), code.decode()

    return post


async def by_socket(url: str, size: int, headers: dict[str, str]) -> Answer:
    """A client of HTTP/1.0 that sends everything and then reads to the end."""
    address = httpx.URL(url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    told = "".join(f"{name}: {value}\r\n" for name, value in typed(headers).items())
    body = form(size)
    writer.write(
        f"POST {address.path} HTTP/1.0\r\n{told}Content-Length: {len(body)}\r\n\r\n".encode()
    )
    writer.write(body)
    await writer.drain()
    head, _, answer = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    assert b"\r\nconnection: close" in head.lower()
    return int(head.split()[1]), json.loads(answer)["code"]


SENDERS: dict[str, Sender] = {
    "urllib": by_urllib,
    "requests": by_requests,
    "requests in chunks": by_requests_in_chunks,
    "httpx": by_httpx,
    "aiohttp": by_aiohttp,
    "curl": by_curl(),
    "curl without Expect": by_curl("-H", "Expect:"),
    "curl with HTTP/1.0": by_curl("--http1.0"),
    "curl in chunks": by_curl("-H", "Transfer-Encoding: chunked"),
    "fetch of Node.js": by_node("fetch"),
    "axios": by_node("axios"),
    "a socket": by_socket,
}


@pytest.mark.parametrize("sender", SENDERS)
async def test_every_early_answer_arrives(service, sender, js_packages):
    async with asyncio.timeout(120):
        for path, size, token, expected in EARLY:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            assert await SENDERS[sender](service.url + path, size, headers) == expected


async def test_a_client_that_keeps_sending_after_the_answer_is_disconnected(service):
    address = httpx.URL(service.url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 6000000\r\n\r\n")
    async with asyncio.timeout(60):
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(bytes(100_000))
        await reader.read()  # until the service closes
    writer.close()
    assert b"connection: close" in head


async def test_a_connection_whose_body_was_read_stays_open(service):
    client = await service.client()
    answer = await service.detect(client)
    assert answer.status_code == 200
    assert "close" not in answer.headers.get("connection", "")


@pytest.mark.parametrize("lines", [b"\r\n", b"\n", b"\r\n\r\n"])
@pytest.mark.parametrize("with_the_body", [True, False])
async def test_empty_lines_before_a_request_are_ignored(service, lines, *, with_the_body):
    address = httpx.URL(service.url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    refresh = b"POST /api/auth/refresh HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
    async with asyncio.timeout(60):
        if with_the_body:
            writer.write(refresh + lines)
            await _answer(reader)
        else:
            writer.write(lines)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        head, body = await _answer(reader)
        assert head.startswith(b"HTTP/1.1 200 ")
        assert body == b'{"status":"ok"}'
        assert await reader.read() == b""
    writer.close()


async def test_a_pipelined_request_that_is_cut_between_its_lines_stays_whole(service):
    """The line end that completes its headers must not be taken for an empty line before it."""
    address = httpx.URL(service.url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    asked = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
    async with asyncio.timeout(60):
        for cut in (len(asked), len(asked) - 1, len(asked) - 2):
            request = asked + b"\r\n"
            writer.write(request + request[:cut])
            assert (await _answer(reader))[0].startswith(b"HTTP/1.1 200 ")
            writer.write(request[cut:])
            assert (await _answer(reader))[0].startswith(b"HTTP/1.1 200 ")
    writer.close()


@pytest.mark.parametrize(
    "first", [b"\r\n", b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"], ids=["bare", "chunked"]
)
async def test_of_too_many_pipelined_requests_the_first_is_answered(service, first):
    address = httpx.URL(service.url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    async with asyncio.timeout(60):
        asked = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
        writer.write(asked + first + (asked + b"X: " + b"x" * 1000 + b"\r\n\r\n") * 100)
        head, body = await _answer(reader)
        assert head.startswith(b"HTTP/1.1 200 ")
        assert b"\r\nconnection: close\r\n" in head.lower()
        assert body == b'{"status":"ok"}'
        writer.write_eof()
        assert await reader.read() == b""
    writer.close()


async def test_endless_empty_lines_are_refused(service):
    address = httpx.URL(service.url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(b"\r\n" * 200_000)
    async with asyncio.timeout(60):
        head, _ = await _answer(reader)
    writer.close()
    assert head.startswith(b"HTTP/1.1 431 ")


async def _answer(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    (length,) = re.findall(rb"(?i)\r\ncontent-length: (\d+)", head)
    return head, await reader.readexactly(int(length))


@pytest.mark.parametrize(("chunk_bytes", "refused"), [(150, False), (10, True)])
async def test_small_chunks_are_read_and_tiny_ones_are_answered(service, chunk_bytes, refused):
    body = form(100_000)

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), chunk_bytes):
            yield body[start : start + chunk_bytes]

    client = await service.client(headers=typed({}))
    answer = await client.post("/api/detect", content=chunks())
    assert answer.status_code == 400
    assert answer.json()["code"] == ("malformed_request" if refused else "invalid_image")
