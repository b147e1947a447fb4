"""What every ``ImageAnnotator`` does."""

import io
from collections.abc import Iterator

import pytest
from PIL import Image

from adapters.in_memory import InMemoryImageAnnotator, fake_image, reading_of
from adapters.inference.executor import WorkExecutor
from adapters.pillow.annotator import PillowImageAnnotator
from application.ports.image_annotator import ImageAnnotator
from domain.emotion import Emotion
from domain.errors import InvalidImage
from domain.face import Face, FaceDetection
from domain.geometry import BoundingBox


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
    executor = WorkExecutor(threads=1)
    yield PillowImageAnnotator(executor=executor), photograph()
    executor.close()


def face(*box: int) -> Face:
    found = FaceDetection(BoundingBox(*box), 0.9)
    return Face(found, reading_of(Emotion.HAPPY, found))


async def test_drawing_faces_changes_the_picture(annotator) -> None:
    draws, image = annotator
    bare = await draws.annotate(image, [])
    drawn = await draws.annotate(image, [face(100, 100, 120, 140)])
    assert bare != drawn
    assert drawn == await draws.annotate(image, [face(100, 100, 120, 140)])


@pytest.mark.parametrize("damage", [b"", b"not an image"])
async def test_what_is_no_image_is_refused(annotator, damage) -> None:
    draws, _ = annotator
    with pytest.raises(InvalidImage):
        await draws.annotate(damage, [face(10, 10, 50, 50)])


async def test_an_image_cut_short_is_refused(annotator) -> None:
    draws, image = annotator
    with pytest.raises(InvalidImage):
        await draws.annotate(image[: len(image) // 2], [])


async def test_pillow_refuses_an_image_larger_than_it_dares_to_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    executor = WorkExecutor(threads=1)
    with pytest.raises(InvalidImage):
        await PillowImageAnnotator(executor=executor).annotate(photograph(), [])
    executor.close()


async def test_pillow_gives_a_jpeg_of_the_same_size_and_draws_at_the_edges() -> None:
    executor = WorkExecutor(threads=1)
    corners = [face(0, 0, 90, 90), face(550, 0, 90, 90), face(0, 390, 90, 90), face(0, 0, 640, 480)]
    data = await PillowImageAnnotator(executor=executor).annotate(photograph(), corners)
    executor.close()
    with Image.open(io.BytesIO(data)) as drawn:
        assert drawn.format == "JPEG"
        assert drawn.size == (640, 480)
