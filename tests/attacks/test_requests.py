"""Requests that look small, and would take long to read."""

import asyncio
import contextlib
import encodings
import os
import signal
import struct
from collections.abc import AsyncIterator

import pytest
from PIL import Image

from adapters.opencv.reading import read_header, recognise
from domain.errors import InvalidImage, InvalidRequest
from entrypoints.http.file_names import file_name, parameters
from entrypoints.http.forms import MAX_HEADERS_BYTES, UploadMemory, read_form
from tests.attacks.costly_images import encoded
from tests.attacks.flood import connected, frame, opened
from tests.e2e.service_process import ServiceProcess

AT_ONCE = 60
ENOUGH_S = 60
"""Without a bound each takes minutes; with one, less than a second."""

# Composing characters takes quadratic time when these are in the wrong order.
MARKS = ("\N{COMBINING GRAVE ACCENT}" * 3900 + "\N{COMBINING GRAVE ACCENT BELOW}" * 3900).encode()


def disposition(name: bytes) -> bytes:
    return b'form-data; name="file"; filename' + name


@pytest.mark.parametrize(
    "written",
    [
        b'="' + MARKS + b'"',
        b"*=utf-8''" + b"".join(b"%%%X" % byte for byte in MARKS[:4000]),
        b"*=punycode''" + b"8000" * 4000,
        b'="=?punycode?q?' + b"8000" * 4000 + b'?="',
        b'="' + b"\x83\x41" * 8000 + b'"',
        b'="' + b"%41" * 5300 + b'\xff"',
    ],
    ids=["marks", "percent-encoded", "punycode", "encoded word", "shift_jis", "percent"],
)
async def test_a_long_name_of_a_file_is_read_in_short_time(written: bytes) -> None:
    header = disposition(written)

    async def names() -> list[str | None]:
        found = []
        for _ in range(1000):
            found.append(file_name(parameters(header)))
            await asyncio.sleep(0)
        return found

    assert len(set(await asyncio.wait_for(names(), ENOUGH_S))) == 1


JPEG = encoded(Image.new("L", (64, 64)), "JPEG")
EXIF = b"II*\0\x08\0\0\0\xff\xff" + bytes(12 * 65_535)


@pytest.mark.parametrize(
    "image",
    [
        b" " * 5_000_000,
        b"RIFF\0\0\0\0WEBPANMF" + struct.pack("<I", 5_000_000) + bytes(5_000_000),
        b"RIFF\0\0\0\0WEBP" + (b"EXIF" + struct.pack("<I", len(EXIF)) + EXIF) * 6,
        JPEG[: JPEG.index(b"\xff\xda")] + b"\xff" * 10_000_000,
    ],
    ids=["spaces", "frame of many chunks", "EXIF of many entries", "JPEG without a scan"],
)
async def test_the_header_of_an_image_is_read_in_short_time(image: bytes) -> None:
    async def read() -> None:
        for _ in range(1000):
            with contextlib.suppress(InvalidImage):
                read_header(image, recognise(image), thorough=False)
            await asyncio.sleep(0)

    await asyncio.wait_for(read(), ENOUGH_S)


def test_unknown_character_sets_of_names_are_not_remembered() -> None:
    known = set(encodings._cache)
    for number in range(10):
        file_name(parameters(disposition(b"*=x%d%s''a.jpg" % (number, b"y" * 9000))))
    assert set(encodings._cache) == known


async def test_the_headers_of_all_parts_are_bounded_together() -> None:
    async def form() -> AsyncIterator[bytes]:
        for _ in range(MAX_HEADERS_BYTES // 15_000 + 1):
            yield b"--limit\r\nContent-Disposition: %s\r\n\r\nx\r\n" % disposition(b"=" + MARKS)
        yield b"--limit--\r\n"

    with pytest.raises(InvalidRequest):
        await read_form(form(), b"limit", UploadMemory())


async def test_a_form_of_many_parts_lets_other_requests_go_on() -> None:
    form = b"".join(
        b'--limit\r\nContent-Disposition: form-data; name="%d"\r\n\r\nx\r\n' % number
        for number in range(900)
    )

    async def at_once() -> AsyncIterator[bytes]:
        yield form + b"--limit--\r\n"

    memory = UploadMemory()
    reading = [asyncio.create_task(read_form(at_once(), b"limit", memory)) for _ in range(10)]
    passes = 0
    while not all(each.done() for each in reading):
        await asyncio.sleep(0)
        passes += 1
    assert all([len(await each) == 900 for each in reading])
    assert passes > 900  # one after the other, a few parts at a time


async def test_cookies_and_dates_are_read_in_short_time(service: ServiceProcess) -> None:
    async with await service.user() as user, service.client() as guest, asyncio.timeout(ENOUGH_S):
        cookies = ({"Cookie": f'{number}="' + '\\"' * 14_000} for number in range(AT_ONCE))
        answers = await asyncio.gather(
            *(guest.get("/auth/usage", headers=cookie) for cookie in cookies),
            *(user.get(f"/api/history?to_date={'T24:00:00' * 3000}") for _ in range(AT_ONCE)),
        )
    assert {answer.status_code for answer in answers} == {200, 400}


async def test_health_is_answered_before_the_requests_that_came_first(
    verbose_service: ServiceProcess,
) -> None:
    service, sent = verbose_service, asyncio.Semaphore(0)
    port = service.port

    async def ask(path: bytes) -> None:
        async with connected(port) as wire:
            await wire.send(b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path)
            sent.release()
            await wire.read_until(b"\r\n\r\n")

    os.kill(service.pid, signal.SIGSTOP)  # so that all of them wait when it goes on
    asking = []
    for path in [*[b"/other"] * AT_ONCE, b"/healthz"]:
        asking.append(asyncio.create_task(ask(path)))
        await sent.acquire()
    os.kill(service.pid, signal.SIGCONT)
    async with asyncio.timeout(ENOUGH_S):
        await asyncio.gather(*asking)
        while '"/healthz"' not in service.log:  # noqa: ASYNC110
            await asyncio.sleep(0)
    before = service.log[: service.log.index('"/healthz"')].count('"/other"')
    assert before < AT_ONCE // 2, "in order of arrival, all others would come first"


async def test_pipelined_requests_wait_behind_those_of_other_clients(
    service: ServiceProcess,
) -> None:
    port, answered, others = service.port, 0, 24
    request = b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n"

    async def pipeline() -> None:
        nonlocal answered
        async with connected(port) as wire:
            await wire.send(request % b"pipelined" * 50)
            while True:
                await wire.read_until(b"\r\n\r\n")
                answered += 1

    async def ask(sent: asyncio.Semaphore) -> None:
        async with connected(port) as wire:
            await wire.send(request % b"other")
            sent.release()
            await wire.read_until(b"\r\n\r\n")

    pipelines = [asyncio.create_task(pipeline()) for _ in range(AT_ONCE)]
    async with asyncio.timeout(ENOUGH_S):
        while answered < 2 * AT_ONCE:  # noqa: ASYNC110
            await asyncio.sleep(0)
        os.kill(service.pid, signal.SIGSTOP)  # so that all of them wait when it goes on
        sent = asyncio.Semaphore(0)
        asking = [asyncio.create_task(ask(sent)) for _ in range(others)]
        for _ in asking:
            await sent.acquire()
        before = answered
        os.kill(service.pid, signal.SIGCONT)
        await asyncio.gather(*asking)
        while service.log.count('"/other"') < others:  # noqa: ASYNC110
            await asyncio.sleep(0)
    served_before = service.log[: service.log.rindex('"/other"')].count('"/pipelined"')
    for each in pipelines:
        each.cancel()
    assert served_before - before < AT_ONCE, "in order of arrival, each of them would come first"


async def test_a_deeply_nested_setting_is_the_clients_own_fault(service: ServiceProcess) -> None:
    token = (await service.sign_in())["access_token"].encode()
    nested = b"[" * 900 + b"]" * 900
    event = b'["control",{"action":"start","config":{"processing_resolution":%s}}]' % nested
    async with (
        asyncio.timeout(ENOUGH_S),
        connected(service.port) as wire,
    ):
        await opened(wire)
        await wire.send(frame(0x81, b'40/emotion-detection,{"token":"%s"}' % token))
        await wire.read_until(b'40/emotion-detection,{"sid"')
        await wire.send(frame(0x81, b"42/emotion-detection," + event))
        answer = await wire.read_until(b"}]")
    assert b'"code":400' in answer
    assert "Traceback" not in service.log
