"""Costly images do not affect other clients, and memory stays bounded."""

import asyncio
import tracemalloc
from contextlib import AsyncExitStack

import httpx
import pytest
import skimage.data
from PIL import Image

from adapters.opencv.reading import read_header, read_image
from domain.errors import InvalidImage
from domain.formats import PNG
from tests.attacks.costly_images import (
    ATTACKS,
    all_coefficients,
    encoded,
    lossless_webp,
    noisy_photograph,
    square_photograph,
    tiny_chunks,
)
from tests.attacks.memory import PeakMemory
from tests.decoding_limits import USUAL_LIMITS
from tests.e2e.calls import detect, watch_health
from tests.e2e.conftest import as_jpeg
from tests.e2e.service_process import ServiceProcess

MAX_MB = 450
AT_ONCE = 4


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


async def test_costly_images_and_large_ones_together_take_no_more_memory(
    service: ServiceProcess, memory: PeakMemory
) -> None:
    flat = Image.new("RGB", (3500, 3500))
    costly = [
        all_coefficients(4300),
        encoded(flat, "AVIF", speed=10),
        lossless_webp(3900),
        encoded(Image.new("RGBA", (5000, 5000)), "TIFF", compression="tiff_lzw"),
    ]
    large = [noisy_photograph(), square_photograph()]
    async with AsyncExitStack() as users:
        sent = []
        for images in (large, large, costly, costly):
            user = await users.enter_async_context(await service.user())
            sent += [send(user, image) for image in images * (8 // len(images))]
        answers = await asyncio.gather(*sent)
    assert {answer.status_code for answer in answers} == {200}
    assert memory.peak_mb < MAX_MB


async def send(client: httpx.AsyncClient, image: bytes) -> httpx.Response:
    return await client.post("/api/detect", files={"file": ("image", image)})


def test_a_png_in_tiny_chunks_takes_no_more_memory_than_its_pixels_need() -> None:
    image = tiny_chunks()
    header = read_header(image, PNG, thorough=True)
    assert header is not None
    tracemalloc.start()
    try:
        with pytest.raises(InvalidImage, match="cut short"):
            read_image(image, header, USUAL_LIMITS)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 30e6, "a list of all chunks took 90 MB"
