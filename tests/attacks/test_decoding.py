"""Costly images do not affect other clients, and memory stays bounded."""

import asyncio
import struct
import zlib
from collections.abc import Callable
from contextlib import AsyncExitStack

import httpx
import numpy as np
import pytest
import skimage.data
from PIL import Image

from tests.attacks.costly_images import empty_scans, encoded, lossless_webp
from tests.attacks.memory import PeakMemory
from tests.e2e.calls import detect
from tests.e2e.conftest import as_jpeg
from tests.e2e.service_process import ServiceProcess

MAX_MB = 450
AT_ONCE = 4


def chunk(name: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4) + name + body + zlib.crc32(name + body).to_bytes(4)


def png(width: int, height: int, color: int, interlaced: int, raw_bytes: int) -> bytes:
    """A PNG whose pixels inflate to this many zeros."""
    deflate = zlib.compressobj(9)
    start = deflate.compress(b"") + deflate.flush(zlib.Z_FULL_FLUSH)
    block = deflate.compress(bytes(1_000_000)) + deflate.flush(zlib.Z_FULL_FLUSH)
    coded = start + block * (raw_bytes // 1_000_000 + 1) + deflate.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, interlaced)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", coded), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def tiny_chunks() -> bytes:
    """A PNG with many chunks of one byte each."""
    coded = zlib.compress(np.random.default_rng(3).bytes(400 * 1201))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 400, 400, 8, 2, 0, 0, 0))
    parts = [chunk(b"IDAT", coded[at : at + 1]) for at in range(380_000)]
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(parts)


def rle_bmp() -> bytes:
    """A run-length encoded image of 36 megapixels in a few kilobytes."""
    side = 6000
    rows = (b"\xff\x01" * (side // 255) + b"\x00\x00") * side
    header = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, len(rows), 0, 0, 256, 0)
    file = struct.pack("<2sIHHI", b"BM", 1078 + len(rows), 0, 0, 1078)
    return (file + header + bytes(1024) + rows)[: 4 * 1024 * 1024]


def noisy_photograph() -> bytes:
    """16 megapixels with camera noise: a JPEG nearly as large as an upload may be."""
    noise = np.random.default_rng(1).integers(0, 256, (864, 1152, 3), np.uint8)
    large = Image.fromarray(np.tile(noise, (4, 4, 1)))
    face = Image.fromarray(skimage.data.astronaut()).resize(large.size, Image.Resampling.BILINEAR)
    return encoded(Image.blend(face, large, 0.2), "JPEG", quality=80)


def square_photograph() -> bytes:
    """24 megapixels in the shape for which the detector needs most memory."""
    noise = np.random.default_rng(2).integers(0, 256, (1225, 1225, 3), np.uint8)
    large = Image.fromarray(np.tile(noise, (4, 4, 1)))
    return encoded(large, "JPEG", quality=18)


ATTACKS: dict[str, Callable[[], bytes]] = {
    "lossless WebP": lambda: lossless_webp(7000),
    "empty scans": lambda: empty_scans(3000, 13_000),
    "interlaced PNG": lambda: png(7000, 7000, 2, 1, 7000 * 21_016),
    "PNG that inflates": lambda: png(64, 64, 2, 0, 2_000_000_000),
    "RLE BMP": rle_bmp,
    "tiny chunks": tiny_chunks,
    "a strip": lambda: encoded(Image.new("1", (8, 400_000)), "TIFF", compression="packbits"),
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_a_costly_image_delays_others_only_briefly(
    service: ServiceProcess, memory: PeakMemory, attack: str
) -> None:
    costly = ATTACKS[attack]()
    small = as_jpeg(skimage.data.astronaut())
    async with await service.user() as attacker, await service.user() as user:
        await detect(user, small)
        healthy = asyncio.create_task(watch_health(service))
        under_attack = [asyncio.create_task(send(attacker, costly)) for _ in range(AT_ONCE)]
        for _ in range(3):
            await detect(user, small)
        answers = await asyncio.gather(*under_attack)
        healthy.cancel()
    assert {answer.status_code for answer in answers} <= {200, 400, 413}
    assert all(
        answer.json()["code"] in ("image_too_costly", "invalid_image")
        for answer in answers
        if answer.status_code != 200
    )
    assert memory.peak_mb < MAX_MB


async def test_many_large_images_at_once_take_no_more_memory_than_a_few(
    service: ServiceProcess, memory: PeakMemory
) -> None:
    large, square = noisy_photograph(), square_photograph()
    assert all(3_000_000 < len(image) < 5 * 2**20 for image in (large, square))
    async with AsyncExitStack() as users:
        sent = []
        for _ in range(4):
            user = await users.enter_async_context(await service.user())
            sent += [send(user, image) for image in (large, square) * 4]
        answers = await asyncio.gather(*sent)
    assert {answer.status_code for answer in answers} == {200}
    assert memory.peak_mb < MAX_MB


async def send(client: httpx.AsyncClient, image: bytes) -> httpx.Response:
    return await client.post("/api/detect", files={"file": ("image", image)})


async def watch_health(service: ServiceProcess) -> None:
    """Poll `/healthz` until cancelled; a missing answer fails the test by its timeout."""
    async with service.client() as guest:
        while True:
            assert (await guest.get("/healthz")).status_code == 200
            await asyncio.sleep(0.05)
