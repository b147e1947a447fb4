"""The contract of ``ImageAnnotator``."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageChops

from adapters.in_memory import InMemoryImageAnnotator, fake_image, reading_of
from adapters.inference.executor import WorkExecutor
from adapters.opencv.decoder import OpenCvImageDecoder
from adapters.opencv.decoding_process import DecodingProcess
from adapters.pillow.annotator import PillowImageAnnotator
from application.ports.image_annotator import ImageAnnotator
from application.work.memory_budget import MemoryBudget
from domain.emotion import Emotion
from domain.errors import InvalidImage
from domain.face import Face, FaceDetection
from domain.geometry import BoundingBox
from tests.decoding_limits import USUAL_LIMITS


def photograph() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (640, 480), (40, 60, 80)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture(params=["in_memory", "pillow"])
def annotator(request: pytest.FixtureRequest) -> Iterator[tuple[ImageAnnotator, bytes]]:
    """An annotator, and an image it can read."""
    if request.param == "in_memory":
        yield InMemoryImageAnnotator(), fake_image(media_type="image/png")
        return
    with pillow() as annotator:
        yield annotator, photograph()


@contextmanager
def pillow() -> Iterator[ImageAnnotator]:
    executor, process = WorkExecutor(threads=1), DecodingProcess()
    decoder = OpenCvImageDecoder(
        executor=executor,
        process=process,
        budget=MemoryBudget(60_000_000),
        limits=replace(USUAL_LIMITS, working_side_px=1000),
    )
    yield PillowImageAnnotator(executor=executor, decoder=decoder)
    process.close()
    executor.close()


def face(*box: int) -> Face:
    found = FaceDetection(BoundingBox(*box), 0.9)
    return Face(found, reading_of(Emotion.HAPPY, found))


async def test_drawing_faces_changes_the_image(annotator) -> None:
    draws, image = annotator
    bare = await draws.annotate(image, [])
    drawn = await draws.annotate(image, [face(100, 100, 120, 140)])
    assert bare != drawn
    assert drawn == await draws.annotate(image, [face(100, 100, 120, 140)])


@pytest.mark.parametrize("damage", [b"", b"not an image"])
async def test_bytes_that_are_not_an_image_are_refused(annotator, damage) -> None:
    draws, _ = annotator
    with pytest.raises(InvalidImage):
        await draws.annotate(damage, [face(10, 10, 50, 50)])


async def test_a_truncated_image_is_refused(annotator) -> None:
    draws, image = annotator
    with pytest.raises(InvalidImage):
        await draws.annotate(image[: len(image) // 2], [])


async def test_pillow_returns_a_jpeg_of_the_same_size_and_draws_at_the_edges() -> None:
    corners = [face(0, 0, 90, 90), face(550, 0, 90, 90), face(0, 390, 90, 90), face(0, 0, 640, 480)]
    with pillow() as annotator:
        data = await annotator.annotate(photograph(), corners)
    with Image.open(io.BytesIO(data)) as drawn:
        assert drawn.format == "JPEG"
        assert drawn.size == (640, 480)


@pytest.mark.parametrize("kind", ["HEIF", "AVIF", "TIFF", "GIF"])
async def test_pillow_draws_on_images_of_every_kind_and_on_large_ones(kind: str) -> None:
    pillow_heif.register_heif_opener()
    out = io.BytesIO()
    Image.new("RGB", (2400, 600), (40, 60, 80)).save(out, kind)
    with pillow() as annotator:
        bare = await annotator.annotate(out.getvalue(), [])
        data = await annotator.annotate(out.getvalue(), [face(2000, 200, 300, 300)])
    with Image.open(io.BytesIO(data)) as drawn, Image.open(io.BytesIO(bare)) as plain:
        assert drawn.size == plain.size == (1200, 300)
        difference = ImageChops.difference(drawn, plain).crop((980, 80, 1170, 270))
        assert difference.getbbox() is not None


@pytest.mark.parametrize(("faces", "across", "down"), [(2, 60, 110), (40, 60, 110), (40, 44, 54)])
async def test_pillow_draws_words_where_they_fit_and_else_numbers(
    faces: int, across: int, down: int
) -> None:
    """Numbers come with a key to the colours."""
    boxes = [face(10 + across * (n % 10), 30 + down * (n // 10), 40, 50) for n in range(faces)]
    with pillow() as annotator:
        data = await annotator.annotate(photograph(), boxes)
    with Image.open(io.BytesIO(data)) as drawn:
        above = np.asarray(drawn.crop((10, 10, 55, 29)).convert("HSV")).astype(int)
    yellow = np.count_nonzero((abs(above[..., 0] - 40) < 12) & (above[..., 1] > 90))
    assert (yellow > 400) == (across == 60)
    assert yellow > 50
