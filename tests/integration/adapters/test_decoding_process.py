"""The process that decodes costly and rare images: its order of work, and its recovery."""

import asyncio
import io
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from adapters.inference.executor import WorkExecutor
from adapters.opencv.decoder import OpenCvImageDecoder
from adapters.opencv.decoding_process import DecodingProcess
from adapters.opencv.encoded import MEGABYTE, DecodingLimits
from application.errors import InferenceUnavailable
from application.work.memory_budget import MemoryBudget
from domain.errors import InvalidImage
from domain.image import Image
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


class _Budgeted(DecodingProcess):
    """Notes what of a budget is held while an image is decoded, and finds every image damaged."""

    def __init__(self, budget: MemoryBudget) -> None:
        super().__init__()
        self._budget = budget
        self.held_bytes = 0

    def submit(self, data: bytes, limits: DecodingLimits) -> Future[Image]:
        self.held_bytes = self._budget.held_bytes
        job: Future[Image] = Future()
        job.set_exception(InvalidImage("it is damaged", reason="damaged"))
        return job


async def test_what_the_process_needs_is_not_there_for_others(executor: WorkExecutor) -> None:
    budget = MemoryBudget(60 * MEGABYTE)
    process = _Budgeted(budget)
    decoder = OpenCvImageDecoder(
        executor=executor, process=process, budget=budget, limits=USUAL_LIMITS
    )
    # All coefficients are kept: 96 MB, of which the process has 64.
    file = io.BytesIO()
    PIL.Image.new("RGB", (4096, 4096)).save(file, "JPEG", progressive=True, subsampling=0)
    with pytest.raises(InvalidImage):
        await decoder.decode(file.getvalue())
    assert 32 * MEGABYTE < process.held_bytes < 45 * MEGABYTE
    process.close()


def test_a_process_that_has_loaded_the_libraries_of_several_kinds_is_replaced(
    process: DecodingProcess,
) -> None:
    folder = Path(__file__).parent / "images"
    names = ("avif-clean-aperture.avif", "jpeg-lossless.jpg", "avif-clean-aperture.avif")
    running = []
    for name in names:
        process.decode((folder / name).read_bytes(), USUAL_LIMITS)
        running.append(process._process)
    assert None in running, "with all of them it holds 85 MB"
