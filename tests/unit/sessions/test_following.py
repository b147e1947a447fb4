"""Between two searches, known faces are looked for only where they are expected."""

from typing import Any

import pytest

from adapters.in_memory import InMemoryFaceDetector, InMemoryFaceTracker, fake_image
from adapters.inference.stepwise import StepwiseFaceAnalyser
from application.ports.face_analyser import AnalysedImage, FaceSearch
from application.sessions.adaptation import Effort
from application.sessions.analysis import FrameAnalysis
from application.sessions.session import StreamSession
from domain.emotion import Emotion
from domain.session import FrameResult
from domain.session_config import ConfigChange, SessionConfig
from tests.unit.sessions.world import Recorder, World, analysed


@pytest.fixture
def world() -> World:
    return World(detector=InMemoryFaceDetector(can_follow=True))


def image_with(*lefts: int, side: int = 120) -> bytes:
    return fake_image(*(((left, 100, side, side), Emotion.HAPPY) for left in lefts))


async def shown(
    session: StreamSession, world: World, recorder: Recorder, *images: bytes
) -> list[FrameResult]:
    """The results of these frames, sent a tenth of a second apart."""
    done = len(recorder.all(FrameResult))
    for i, image in enumerate(images, start=done + 1):
        session.offer(world.frame(i, image))
        await recorder.nth(FrameResult, i)
    return recorder.all(FrameResult)[done:]


async def test_a_followed_face_is_where_it_is_now(
    session: StreamSession, world: World, recorder: Recorder
) -> None:
    await session.start(ConfigChange({"detection_interval": 3}))
    lefts = (100, 120, 140, 160, 180, 200, 220)
    results = await shown(session, world, recorder, *map(image_with, lefts))
    assert [result.detection_used for result in results] == [i % 3 == 0 for i in range(7)]
    assert world.detector.runs == 3
    for result, left in zip(results, lefts, strict=True):
        (face,) = result.faces
        assert (face.track.track_id, face.track.box.x) == ("face_1", left)
        assert not face.track.predicted


async def test_a_frame_is_searched_as_soon_as_a_face_is_lost(
    session: StreamSession, world: World, recorder: Recorder
) -> None:
    await session.start(ConfigChange({"detection_interval": 30}))
    both, one = image_with(100, 400), image_with(100)
    results = await shown(session, world, recorder, both, both, one, one, one)
    assert [result.detection_used for result in results] == [True, False, True, True, False]
    assert len(results[-1].faces) == 1


async def test_a_face_that_searches_do_not_find_any_more_is_not_kept_by_following(
    session: StreamSession, world: World, recorder: Recorder
) -> None:
    await session.start(ConfigChange({"detection_interval": 3}))
    await analysed(session, world, recorder, 2)
    await session.configure(ConfigChange({"detection_confidence": 0.95}))
    results = await shown(session, world, recorder, *[image_with(100)] * 6)
    assert [len(result.faces) for result in results][-4:] == [0] * 4


async def test_many_faces_are_predicted_instead_of_followed(
    session: StreamSession, world: World, recorder: Recorder
) -> None:
    await session.start(ConfigChange({"detection_interval": 3}))
    crowd = image_with(*range(0, 630, 70), side=64)
    results = await shown(session, world, recorder, *[crowd] * 5)
    assert world.telemetry.stages["follow"] == 0
    assert [len(result.faces) for result in results] == [9] * 5
    assert [result.detection_used for result in results] == [True, False] * 2 + [True]


async def test_a_hidden_face_is_searched_for_every_fifth_of_a_second(
    session: StreamSession, world: World, recorder: Recorder
) -> None:
    await session.start(ConfigChange({"detection_interval": 30}))
    both, one = image_with(100, 400), image_with(100)
    results = await shown(session, world, recorder, both, both, *[one] * 5, *[both] * 3)
    searched = [i for i, result in enumerate(results) if result.detection_used]
    assert searched == [0, 2, 3, 6, 9]
    assert {face.track.track_id for face in results[-1].faces} == {"face_1", "face_2"}


async def test_a_frame_is_searched_every_half_second_for_new_faces(
    session: StreamSession, world: World, recorder: Recorder
) -> None:
    await session.start(ConfigChange({"detection_interval": 30}))
    one, both = image_with(100), image_with(100, 400)
    results = await shown(session, world, recorder, one, *[both] * 8)
    searched = [i for i, result in enumerate(results) if result.detection_used]
    assert searched == [0, 6, 7], "and once more to confirm the new face"
    assert [len(result.faces) for result in results] == [1] * 7 + [2] * 2


@pytest.mark.parametrize(("rate", "every"), [(1, 1), (3, 2), (4, 3), (5, 3), (10, 5)])
async def test_at_low_rates_faces_are_followed_between_searches(
    session: StreamSession, world: World, recorder: Recorder, rate: float, every: int
) -> None:
    await session.start(ConfigChange({"detection_interval": 5}))
    await analysed(session, world, recorder, 11, rate=rate)
    results = recorder.all(FrameResult)
    assert [result.detection_used for result in results] == [i % every == 0 for i in range(11)]
    assert not any(face.track.predicted for result in results for face in result.faces)


async def test_a_face_that_became_too_small_is_left_out(
    session: StreamSession, world: World, recorder: Recorder
) -> None:
    await session.start(ConfigChange({"detection_interval": 30, "min_face_size": 64}))
    near, least, far = (image_with(100, side=side) for side in (120, 52, 51))
    results = await shown(session, world, recorder, near, least, far, far, far)
    assert [len(result.faces) for result in results][-1] == 0
    assert [result.detection_used for result in results[:3]] == [True, False, True]


@pytest.mark.parametrize("interval", [1, 3])
async def test_a_face_about_as_large_as_wanted_keeps_its_id(
    session: StreamSession, world: World, recorder: Recorder, interval: int
) -> None:
    await session.start(ConfigChange({"detection_interval": interval, "min_face_size": 64}))
    sides = [65, 62, *[60] * 20, 63, 66]
    results = await shown(session, world, recorder, *(image_with(100, side=s) for s in sides))
    assert [[face.track.track_id for face in result.faces] for result in results] == [
        ["face_1"]
    ] * len(sides)
    assert {face.track.box.width for result in results for face in result.faces} == set(sides)


async def test_a_face_smaller_than_wanted_is_not_reported(
    session: StreamSession, world: World, recorder: Recorder
) -> None:
    await session.start(ConfigChange({"min_face_size": 64}))
    results = await shown(session, world, recorder, *[image_with(100, side=60)] * 5)
    assert not any(result.faces for result in results)


async def test_a_frame_of_another_size_is_searched(
    session: StreamSession, world: World, recorder: Recorder
) -> None:
    await session.start(ConfigChange({"detection_interval": 30}))
    await analysed(session, world, recorder, 2)
    larger = fake_image(((200, 200, 240, 240), Emotion.HAPPY), width=1280, height=960)
    result, after = await shown(session, world, recorder, larger, larger)
    assert (result.detection_used, after.detection_used) == (True, False)
    assert [face.track.track_id for face in after.faces] == ["face_1"]


async def test_frames_keep_half_as_many_more_pixels_a_side_as_the_detector_sees(
    world: World,
) -> None:
    asked = []

    class Analyser(StepwiseFaceAnalyser):
        async def analyse(self, data: bytes, search: FaceSearch, **rest: Any) -> AnalysedImage:
            asked.append(search.min_side_px)
            return await super().analyse(data, search, **rest)

    analysis = FrameAnalysis(
        analyser=Analyser(
            decoder=world.decoder,
            detector=world.detector,
            classifier=world.classifier,
            telemetry=world.telemetry,
        ),
        tracker=InMemoryFaceTracker(),
        telemetry=world.telemetry,
    )
    await analysis.analyse(world.frame(1), SessionConfig(), Effort((480, 640), 1))
    assert asked == [960]
