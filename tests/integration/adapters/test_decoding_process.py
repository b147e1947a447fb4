"""The process that decodes costly and rare images: its order of work, and its recovery."""

import asyncio
import io
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import PIL.Image
import pytest

from adapters.inference.executor import WorkExecutor
from adapters.opencv.decoder import OpenCvImageDecoder
from adapters.opencv.decoding_process import DecodingProcess
from application.errors import InferenceUnavailable
from application.work.memory_budget import MemoryBudget
from domain.errors import InvalidImage
from tests.attacks.costly_images import png
from tests.attacks.memory import resident_mb
from tests.decoding_limits import USUAL_LIMITS


@pytest.fixture
def process() -> Iterator[DecodingProcess]:
    process = DecodingProcess()
    yield process
    process.close()


@pytest.fixture
def decoder(executor: WorkExecutor, process: DecodingProcess) -> OpenCvImageDecoder:
    return OpenCvImageDecoder(
        executor=executor,
        process=process,
        budget=MemoryBudget(4_000_000),
        limits=replace(USUAL_LIMITS, max_pixels=1_000_000, working_side_px=500),
    )


def gif(side: int, gray: int = 0) -> bytes:
    file = io.BytesIO()
    PIL.Image.new("L", (side, side), gray).save(file, "GIF")
    return file.getvalue()


async def test_a_sender_of_many_images_does_not_delay_others(decoder: OpenCvImageDecoder) -> None:
    order: list[str] = []

    async def decode(name: str, data: bytes, sender: str) -> None:
        image = await decoder.decode(data, sender=sender)
        order.append(name)
        del image

    flood = [asyncio.create_task(decode("many", gif(900), "alice")) for _ in range(12)]
    await asyncio.sleep(0)
    await decode("one", gif(300), "bob")
    await asyncio.gather(*flood)
    assert order.index("one") <= 1


async def test_a_cancelled_image_gives_its_turn_to_the_next(decoder: OpenCvImageDecoder) -> None:
    hanging_up = [asyncio.create_task(decoder.decode(gif(900), sender="alice")) for _ in range(4)]
    await asyncio.sleep(0)
    for request in hanging_up:
        request.cancel()
    async with asyncio.timeout(60):
        image = await decoder.decode(gif(300), sender="bob")
    assert (image.width, image.height) == (300, 300)


def test_images_that_cannot_be_read_do_not_let_the_process_grow(process: DecodingProcess) -> None:
    cut_short = png(3000, 3000, 6, 1, 1_000_000, depth=16)
    held = []
    for _ in range(4):
        with pytest.raises(InvalidImage):
            process.decode(cut_short, USUAL_LIMITS)
        assert process._process is not None
        held.append(resident_mb(process._process.pid))
    assert max(held) - held[0] < 50


def test_after_running_out_of_memory_for_pixels_the_next_answer_is_right(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_memory(*_: object) -> None:
        raise MemoryError

    process, limits = DecodingProcess(), USUAL_LIMITS
    try:
        with monkeypatch.context() as short_of_memory:
            short_of_memory.setattr(np, "empty", no_memory)
            with pytest.raises(InferenceUnavailable):
                process.decode(gif(300), limits)
        pixels = process.decode(gif(8, gray=50), limits).pixels
        assert np.array_equal(np.asarray(pixels), np.full((8, 8, 3), 50))
    finally:
        process.close()
