"""Images that cost much more than their bytes tell: others notice nothing, and memory stays."""

import asyncio
import statistics
import struct
import time
import zlib
from collections.abc import Callable

import httpx
import pytest
import skimage.data
from PIL import Image

from tests.attacks.costly_images import empty_scans, encoded, lossless_webp, slow_gif
from tests.attacks.memory import PeakMemory
from tests.e2e.calls import detect
from tests.e2e.conftest import as_jpeg
from tests.e2e.service_process import ServiceProcess

MOST_MB = 450
AT_ONCE = 4


def chunk(name: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4) + name + body + zlib.crc32(name + body).to_bytes(4)


def png(width: int, height: int, color: int, interlaced: int, raw_bytes: int) -> bytes:
    """A PNG whose pixels inflate to so many zeros."""
    deflate = zlib.compressobj(9)
    start = deflate.compress(b"") + deflate.flush(zlib.Z_FULL_FLUSH)
    block = deflate.compress(bytes(1_000_000)) + deflate.flush(zlib.Z_FULL_FLUSH)
    coded = start + block * (raw_bytes // 1_000_000 + 1) + deflate.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, interlaced)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", coded), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def rle_bmp() -> bytes:
    """A run-length coded picture of 36 megapixels in some kilobytes."""
    side = 6000
    rows = (b"\xff\x01" * (side // 255) + b"\x00\x00") * side
    header = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, len(rows), 0, 0, 256, 0)
    file = struct.pack("<2sIHHI", b"BM", 1078 + len(rows), 0, 0, 1078)
    return (file + header + bytes(1024) + rows)[: 4 * 1024 * 1024]


ATTACKS: dict[str, Callable[[], bytes]] = {
    "lossless WebP": lambda: lossless_webp(7000),
    "empty scans": lambda: empty_scans(7000, 13_000),
    "PNG with alpha": lambda: png(7000, 7000, 6, 0, 7000 * 28_001),
    "interlaced PNG": lambda: png(7000, 7000, 2, 1, 7000 * 21_016),
    "PNG that inflates": lambda: png(64, 64, 2, 0, 2_000_000_000),
    "GIF": lambda: encoded(Image.new("L", (7000, 7000)), "GIF"),
    "notes of a GIF": lambda: slow_gif(900_000),
    "RLE BMP": rle_bmp,
    "TIFF": lambda: encoded(Image.new("RGBA", (7000, 7000)), "TIFF", compression="tiff_deflate"),
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_a_costly_image_costs_others_no_more_than_a_moment(
    service: ServiceProcess, memory: PeakMemory, attack: str
) -> None:
    costly = ATTACKS[attack]()
    small = as_jpeg(skimage.data.astronaut())
    async with await service.user() as attacker, await service.user() as user:
        usual_s = statistics.median([await upload_s(user, small) for _ in range(5)])
        healthy = asyncio.create_task(watch_health(service))
        under_attack = [asyncio.create_task(send(attacker, costly)) for _ in range(AT_ONCE)]
        took_s = [await upload_s(user, small) for _ in range(5)]
        answers = await asyncio.gather(*under_attack)
        healthy.cancel()
    assert {answer.status_code for answer in answers} <= {200, 400, 413}
    assert all(
        answer.json()["code"] in ("image_too_costly", "invalid_image")
        for answer in answers
        if answer.status_code != 200
    )
    assert memory.peak_mb < MOST_MB
    print(f"{attack}: {memory.peak_mb:.0f} MB, {answers[0].status_code}, {usual_s=} {took_s=}")


async def test_many_honest_photographs_at_once_all_succeed(
    service: ServiceProcess, memory: PeakMemory
) -> None:
    picture = Image.fromarray(skimage.data.astronaut()).resize((4608, 3456))
    photograph = encoded(picture, "JPEG", quality=80)
    async with await service.user() as user:
        answers = await asyncio.gather(*(send(user, photograph) for _ in range(32)))
    assert [answer.status_code for answer in answers] == [200] * 32
    print(f"32 photographs: {memory.peak_mb:.0f} MB")
    assert memory.peak_mb < MOST_MB


async def send(client: httpx.AsyncClient, image: bytes) -> httpx.Response:
    return await client.post("/api/detect", files={"file": ("image", image)})


async def upload_s(client: httpx.AsyncClient, image: bytes) -> float:
    started = time.perf_counter()
    await detect(client, image)
    return time.perf_counter() - started


async def watch_health(service: ServiceProcess) -> None:
    """Ask all the while; an answer that does not come fails the test by its timeout."""
    async with service.client() as guest:
        while True:
            assert (await guest.get("/healthz")).status_code == 200
            await asyncio.sleep(0.05)
