"""Tests make a fake fail or wait, and behave again."""

import asyncio

import pytest

from adapters.in_memory import (
    InMemoryEmotionClassifier,
    InMemoryFaceDetector,
    InMemoryImageDecoder,
    InMemoryUserRepository,
    fake_image,
)
from application.errors import StoreUnavailable
from application.ports.face_detector import WantedFaces
from domain.emotion import Emotion
from domain.errors import ImageDimensionsTooLarge, InvalidImage
from domain.geometry import BoundingBox


async def test_a_fake_fails_until_it_recovers() -> None:
    users = InMemoryUserRepository()
    users.fail_with(StoreUnavailable("away"))
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="away"):
            await users.get("alice")
    users.recover()
    assert await users.get("alice") is None


async def test_a_held_fake_answers_once_it_is_released() -> None:
    users = InMemoryUserRepository()
    users.hold()
    calls = [asyncio.create_task(users.get("alice")) for _ in range(2)]
    await asyncio.sleep(0)
    assert not any(call.done() for call in calls)
    users.release()
    assert await asyncio.gather(*calls) == [None, None]
    assert await users.get("alice") is None


async def test_the_fakes_read_the_faces_of_a_fake_image() -> None:
    small, large = (10, 20, 70, 80), (200, 100, 160, 160)
    data = fake_image((small, Emotion.SAD), (large, Emotion.HAPPY), width=640, height=480)
    image = await InMemoryImageDecoder().decode(data)
    assert (image.width, image.height, image.media_type) == (640, 480, "image/jpeg")
    faces = await InMemoryFaceDetector().detect(image, WantedFaces(64))
    assert [face.box for face in faces] == [BoundingBox(*large), BoundingBox(*small)]
    readings = await InMemoryEmotionClassifier().classify(image, faces)
    assert [reading.scores.dominant for reading in readings] == [Emotion.HAPPY, Emotion.SAD]


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"image 640x480\n", fake_image()[:-1]])
async def test_the_fake_decoder_refuses_other_bytes(data: bytes) -> None:
    with pytest.raises(InvalidImage):
        await InMemoryImageDecoder().decode(data)


async def test_the_fake_decoder_has_a_limit_on_pixels() -> None:
    with pytest.raises(ImageDimensionsTooLarge):
        await InMemoryImageDecoder(max_pixels=99).decode(fake_image(width=10, height=10))
