"""The samples of the page."""

import asyncio

import pytest

from adapters.in_memory import fake_image
from domain.emotion import Emotion
from entrypoints.web.samples import SampleDetections
from tests.unit.application.service import Service

SAMPLES = {"one.jpg": fake_image(((10, 20, 100, 120), Emotion.HAPPY)), "none.jpg": fake_image()}


async def test_however_many_try_a_sample_it_is_analysed_once() -> None:
    service, samples = Service(), SampleDetections(SAMPLES)
    answers = await asyncio.gather(*(samples.of("one.jpg", service.detect) for _ in range(20)))
    assert [face.dominant_emotion for face in answers[0].faces] == [Emotion.HAPPY]
    assert len({answer.detection_id for answer in answers}) == 1
    assert service.telemetry.counts["image_analysed"] == 1
    assert (await samples.of("none.jpg", service.detect)).faces == ()


async def test_a_sample_that_nobody_ships_is_unknown() -> None:
    with pytest.raises(KeyError):
        await SampleDetections(SAMPLES).of("two.jpg", Service().detect)
