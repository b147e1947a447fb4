"""A decoder, a picture, and how near to it the decoded pixels are."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import PIL.Image
import skimage.data

from adapters.inference.executor import WorkExecutor
from adapters.opencv.decoder import OpenCvImageDecoder
from adapters.opencv.decoding_process import DecodingProcess
from adapters.opencv.encoded import DecodingLimits
from application.work.memory_budget import MemoryBudget
from domain.image import Image


def portrait(width: int = 160, height: int = 120) -> PIL.Image.Image:
    return PIL.Image.fromarray(skimage.data.astronaut()).resize((width, height))


def difference(image: Image, wanted: PIL.Image.Image) -> float:
    """Mean difference in gray levels."""
    assert isinstance(image.pixels, np.ndarray)
    expected = np.asarray(wanted.convert("RGB"), float)
    assert image.pixels.shape == expected.shape
    return float(np.abs(image.pixels - expected).mean())


@contextmanager
def decoding(threads: int, limits: DecodingLimits) -> Iterator[OpenCvImageDecoder]:
    """A decoder with a process of its own for costly and rare images."""
    executor, process = WorkExecutor(threads), DecodingProcess()
    yield OpenCvImageDecoder(
        executor=executor, process=process, budget=MemoryBudget(60_000_000), limits=limits
    )
    process.close()
    executor.close()
