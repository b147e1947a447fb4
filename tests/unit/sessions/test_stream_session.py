import asyncio
import base64

import pytest

from adapters.in_memory import fake_image
from application.errors import InferenceUnavailable
from application.sessions.events import (
    Failure,
    Initialized,
    SessionEnded,
    SessionStatus,
    Suggestion,
)
from application.sessions.session import StreamSession
from domain.emotion import Emotion
from domain.errors import ImageTooLarge, InvalidImage, InvalidRequest
from domain.session import FrameResult
from domain.session_config import ConfigChange
from tests.unit.sessions.world import Recorder, World, analysed

HAPPY_BOX = (100, 100, 120, 120)


async def test_a_session_is_configured_runs_stops_and_ends(
    session: StreamSession, recorder: Recorder
) -> None:
    await session.initialize(ConfigChange({"max_frame_rate": 10}))
    await session.start()
    await session.stop()
    await session.end()
    assert session.has_ended
    assert recorder.all(Initialized)[0].config.max_frame_rate == 10
    assert [status.message for status in recorder.all(SessionStatus)] == ["started", "stopped"]


async def test_a_frame_gets_its_faces_with_names_and_scores(
    session: StreamSession, world: World, recorder: Recorder
) -> None:
    await session.start()
    session.offer(world.frame(7))
    result = await recorder.nth(FrameResult)
    (face,) = result.faces
    assert (result.frame_id, result.detection_used) == (7, True)
    assert (result.width, result.height) == (640, 480)
    assert face.track.track_id == "face_1"
    assert face.dominant_emotion is Emotion.HAPPY


async def test_initialize_may_be_left_out(session: StreamSession) -> None:
    await session.start(ConfigChange({"smooth_window_size": 2}))
    assert session.config.smooth_window_size == 2


async def test_initialize_resets_the_configuration(session: StreamSession) -> None:
    await session.initialize(ConfigChange({"smooth_window_size": 2}))
    await session.initialize(ConfigChange({"max_frame_rate": 5}))
    assert session.config.smooth_window_size == 5


async def test_a_frame_before_start_and_after_stop_is_refused(
    session: StreamSession, world: World
) -> None:
    with pytest.raises(InvalidRequest, match="start"):
        session.offer(world.frame(1))
    await session.start()
    await session.stop()
    with pytest.raises(InvalidRequest, match="start"):
        session.offer(world.frame(2))


async def test_a_running_session_cannot_be_initialised_again(session: StreamSession) -> None:
    await session.start()
    with pytest.raises(InvalidRequest, match="running"):
        await session.initialize(ConfigChange())


async def test_an_ended_session_stays_ended(session: StreamSession, recorder: Recorder) -> None:
    await session.end()
    for action in (session.initialize, session.start, session.configure):
        with pytest.raises(InvalidRequest, match="ended"):
            await action(ConfigChange())
    assert session.has_ended
    assert recorder.events == []


async def test_start_and_stop_may_be_repeated(session: StreamSession, recorder: Recorder) -> None:
    await session.stop()
    await session.start()
    await session.start()
    await session.stop()
    await session.stop()
    assert [status.message for status in recorder.all(SessionStatus)] == [
        "not running", "started", "already running", "stopped", "not running",
    ]  # fmt: skip
    assert len(recorder.all(SessionEnded)) == 1


async def test_one_frame_is_in_work_and_only_the_newest_waits(
    session: StreamSession, world: World, recorder: Recorder
) -> None:
    await session.start()
    world.detector.hold()
    session.offer(world.frame(1))
    await world.reached("detect")
    for i in range(2, 7):
        session.offer(world.frame(i))
    world.detector.release()
    second = await recorder.nth(FrameResult, 2)
    assert [result.frame_id for result in recorder.all(FrameResult)] == [1, 6]
    assert second.dropped_frames == 4
    assert world.telemetry.frames == {"result": 2, "dropped": 4}


async def test_every_frame_is_accounted_for(
    session: StreamSession, world: World, recorder: Recorder
) -> None:
    await session.start(ConfigChange({"max_frame_rate": 12}))
    for i in range(200):
        data = b"no picture" if i % 5 == 0 else None
        session.offer(world.frame(i, data))
        if i % 3:
            session.offer(world.frame(i, data))
        if i % 7 == 0:
            await asyncio.sleep(0.001)
        if i % 50 == 0:
            with pytest.raises(ImageTooLarge):
                session.offer(world.frame(i, b"x" * (2**20 + 1)))
    await session.stop()
    summary = recorder.all(SessionEnded)[0].summary
    assert summary.frames_processed == len(recorder.all(FrameResult)) > 0
    assert summary.frames_failed == len(recorder.all(Failure)) + 4
    assert summary.frames_dropped > 0
    assert summary.frames_received == (
        summary.frames_processed + summary.frames_failed + summary.frames_dropped
    )
    assert world.telemetry.frames.total() == summary.frames_received


async def test_a_frame_that_comes_too_soon_waits_and_gets_its_result(
    session: StreamSession, world: World, recorder: Recorder
) -> None:
    await session.start(ConfigChange({"max_frame_rate": 1}))
    await analysed(session, world, recorder, 2)
    session.offer(world.frame(3))
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(recorder.all(FrameResult)) == 2
    world.clock.advance(1)
    assert (await recorder.nth(FrameResult, 3)).frame_id == 3


async def test_a_higher_rate_applies_to_a_frame_that_waits_already(
    session: StreamSession, world: World, recorder: Recorder
) -> None:
    await session.start(ConfigChange({"max_frame_rate": 0.1}))
    await analysed(session, world, recorder, 2)
    session.offer(world.frame(3))
    await asyncio.sleep(0)
    await session.configure(ConfigChange({"max_frame_rate": 10}))
    world.clock.advance(0.3)
    assert (await recorder.nth(FrameResult, 3)).frame_id == 3


async def test_frames_faster_than_the_configured_rate_are_dropped(
    session: StreamSession, world: World, recorder: Recorder
) -> None:
    await session.start(ConfigChange({"max_frame_rate": 5}))
    for i in range(40):
        session.offer(world.frame(i))
        for _ in range(20):
            await asyncio.sleep(0)
    await session.stop()
    summary = recorder.all(SessionEnded)[0].summary
    assert 20 <= summary.frames_processed <= 21
    assert summary.frames_dropped == 40 - summary.frames_processed


async def test_frames_come_as_bytes_or_base64_with_or_without_prefix(
    session: StreamSession, world: World, recorder: Recorder
) -> None:
    text = base64.b64encode(fake_image(((1, 1, 99, 99), Emotion.SAD))).decode()
    await session.start()
    for i, data in enumerate([text, f"data:image/jpeg;base64,{text}", fake_image()], 1):
        session.offer(world.frame(i, data))
        await recorder.nth(FrameResult, i)
    assert [len(result.faces) for result in recorder.all(FrameResult)] == [1, 1, 1]
    session.offer(world.frame(4, "!!!"))
    failure = await recorder.nth(Failure)
    assert isinstance(failure.error, InvalidImage)
    assert failure.frame_id == 4


async def test_a_frame_of_exactly_a_mebibyte_is_accepted(
    session: StreamSession, world: World, recorder: Recorder
) -> None:
    picture = fake_image() + b" " * (2**20 - len(fake_image()) - 1) + b"\n"
    assert len(picture) == 2**20
    await session.start()
    for i, data in enumerate(
        [picture, "data:image/jpeg;base64," + base64.b64encode(picture).decode()], 1
    ):
        session.offer(world.frame(i, data))
        await recorder.nth(FrameResult, i)


async def test_a_session_survives_any_error_of_a_frame(
    session: StreamSession, world: World, recorder: Recorder
) -> None:
    await session.start()
    faults = [InvalidImage("torn"), InferenceUnavailable("no model"), ZeroDivisionError("a bug")]
    for i, fault in enumerate(faults, 1):
        world.classifier.fail_with(fault)
        session.offer(world.frame(i))
        failure = await recorder.nth(Failure, i)
        assert (failure.frame_id, failure.error) == (i, fault)
    world.classifier.recover()
    session.offer(world.frame(9))
    assert (await recorder.nth(FrameResult)).frame_id == 9


async def test_stop_lets_the_frame_in_work_finish_before_the_summary(
    session: StreamSession, world: World, recorder: Recorder
) -> None:
    await session.start()
    world.classifier.hold()
    session.offer(world.frame(1))
    await world.reached("classify")
    session.offer(world.frame(2))
    stopping = asyncio.create_task(session.stop())
    await asyncio.sleep(0)
    assert recorder.all(SessionEnded) == []
    world.classifier.release()
    await stopping
    kinds = [type(event) for event in recorder.events]
    assert kinds == [SessionStatus, FrameResult, SessionStatus, SessionEnded]
    summary = recorder.all(SessionEnded)[0].summary
    assert (summary.frames_received, summary.frames_processed, summary.frames_dropped) == (2, 1, 1)


async def test_a_session_can_start_again_while_its_last_stretch_ends(
    session: StreamSession, world: World, recorder: Recorder
) -> None:
    await session.start()
    world.classifier.hold()
    session.offer(world.frame(1))
    await world.reached("classify")
    stopping = asyncio.create_task(session.stop())
    await asyncio.sleep(0)
    await session.start()
    session.offer(world.frame(2))
    world.classifier.release()
    await stopping
    await recorder.nth(FrameResult, 2)
    assert session.measures is not None


async def test_a_disconnected_client_leaves_no_task_behind(
    session: StreamSession, world: World
) -> None:
    before = asyncio.all_tasks()
    await session.start(ConfigChange({"save_session": True}))
    world.decoder.hold()
    session.offer(world.frame(1))
    await world.reached("decode")
    await session.end()
    assert asyncio.all_tasks() == before
    assert world.telemetry.frames == {"dropped": 1}
    with pytest.raises(InvalidRequest, match="ended"):
        await session.start()


async def test_events_do_not_accumulate_for_a_client_that_does_not_read(
    session: StreamSession, world: World, recorder: Recorder
) -> None:
    await session.start()
    recorder.stop_reading()
    for i in range(50):
        session.offer(world.frame(i))
        await asyncio.sleep(0)
    assert recorder.all(FrameResult) == []
    recorder.read_on()
    result = await recorder.nth(FrameResult)
    assert (result.frame_id, result.dropped_frames) == (49, 49)


async def test_the_detector_runs_at_the_configured_interval(
    session: StreamSession, world: World, recorder: Recorder
) -> None:
    await session.start(ConfigChange({"detection_interval": 3}))
    await analysed(session, world, recorder, 7)
    used = [result.detection_used for result in recorder.all(FrameResult)]
    assert used == [True, False, False, True, False, False, True]
    assert world.detector.runs == 3
    assert all(len(result.faces) == 1 for result in recorder.all(FrameResult))
    assert [result.faces[0].track.predicted for result in recorder.all(FrameResult)] == [
        not look for look in used
    ]


@pytest.mark.parametrize(("rate", "looks"), [(3, 1), (4, 1), (5, 2), (10, 3), (30, 5)])
async def test_at_low_rates_no_box_is_predicted_for_more_than_a_fifth_of_a_second(
    session: StreamSession, world: World, recorder: Recorder, rate: float, looks: int
) -> None:
    await session.start(ConfigChange({"detection_interval": 5}))
    await analysed(session, world, recorder, 11, rate=rate)
    used = [result.detection_used for result in recorder.all(FrameResult)]
    assert used == [i % looks == 0 for i in range(11)]


@pytest.mark.parametrize("size", [(1280, 960), (320, 240), (426, 320), (480, 640), (640, 360)])
async def test_a_frame_of_another_size_is_detected_and_has_no_old_box(
    session: StreamSession, world: World, recorder: Recorder, size: tuple[int, int]
) -> None:
    await session.start(ConfigChange({"detection_interval": 30, "min_face_size": 32}))
    await analysed(session, world, recorder, 2)
    width, height = size
    k = width / 640
    box = (round(100 * k), round(100 * k), round(120 * k), round(120 * k))
    for i in (3, 4):
        picture = fake_image((box, Emotion.SAD), width=width, height=height)
        session.offer(world.frame(i, picture))
        await recorder.nth(FrameResult, i)
    looked, predicted = recorder.all(FrameResult)[2:]
    assert (looked.detection_used, predicted.detection_used) == (True, False)
    for result in (looked, predicted):
        (face,) = result.faces
        assert (face.track.box.x, face.track.box.width) == (box[0], box[2])
        is_same_shape = size not in {(480, 640), (640, 360)}
        assert face.track.track_id == ("face_1" if is_same_shape else "face_2")


async def test_a_frame_of_another_size_without_a_face_has_none(
    session: StreamSession, world: World, recorder: Recorder
) -> None:
    await session.start(ConfigChange({"detection_interval": 30}))
    await analysed(session, world, recorder, 4)
    session.offer(world.frame(5, fake_image(width=1280, height=960)))
    assert (await recorder.nth(FrameResult, 5)).faces == ()


async def test_after_a_pause_no_face_is_predicted_from_an_old_detection(
    session: StreamSession, world: World, recorder: Recorder
) -> None:
    await session.start(ConfigChange({"detection_interval": 4}))
    await analysed(session, world, recorder, 1)
    world.clock.advance(60)
    session.offer(world.frame(2, fake_image()))
    await recorder.nth(FrameResult, 2)
    world.clock.advance(60)
    session.offer(world.frame(3, fake_image()))
    last = await recorder.nth(FrameResult, 3)
    assert (last.detection_used, last.faces) == (True, ())
    assert recorder.all(FrameResult)[1].detection_used


async def test_a_face_to_be_confirmed_triggers_detection_in_the_next_frame(
    session: StreamSession, world: World, recorder: Recorder
) -> None:
    await session.start(ConfigChange({"detection_interval": 3}))
    session.offer(world.frame(1, fake_image()))
    await recorder.nth(FrameResult, 1)
    for i in range(2, 6):
        session.offer(world.frame(i))
        await recorder.nth(FrameResult, i)
    results = recorder.all(FrameResult)
    assert [result.detection_used for result in results] == [True, False, False, True, True]
    assert [len(result.faces) for result in results] == [0, 0, 0, 0, 1]


async def test_the_detector_sees_the_configured_resolution_size_and_confidence(
    session: StreamSession, world: World, recorder: Recorder
) -> None:
    await session.start(ConfigChange({"processing_resolution": (320, 240), "min_face_size": 130}))
    await analysed(session, world, recorder, 1)
    assert world.detector.last_fit_within == (320, 240)
    assert recorder.all(FrameResult)[0].faces == ()
    await session.configure(ConfigChange({"min_face_size": 64, "detection_confidence": 0.95}))
    await analysed(session, world, recorder, 2)
    assert recorder.all(FrameResult)[-1].faces == ()
    await session.configure(ConfigChange({"detection_confidence": 0.5}))
    await analysed(session, world, recorder, 2)
    assert len(recorder.all(FrameResult)[-1].faces) == 1


async def test_a_single_odd_frame_shows_only_without_smoothing(
    session: StreamSession, world: World, recorder: Recorder
) -> None:
    odd = fake_image((HAPPY_BOX, Emotion.ANGRY))
    await session.start(ConfigChange({"smooth_emotions": True, "smooth_window_size": 5}))
    await analysed(session, world, recorder, 3)
    session.offer(world.frame(4, odd))
    assert (await recorder.nth(FrameResult, 4)).faces[0].dominant_emotion is Emotion.HAPPY
    await session.configure(ConfigChange({"smooth_emotions": False}))
    session.offer(world.frame(5, odd))
    assert (await recorder.nth(FrameResult, 5)).faces[0].dominant_emotion is Emotion.ANGRY


async def test_every_thirtieth_result_is_followed_by_a_status(
    session: StreamSession, world: World, recorder: Recorder
) -> None:
    await session.start()
    await analysed(session, world, recorder, 60)
    _, first, second = recorder.all(SessionStatus)
    assert first.metrics is not None
    assert second.metrics is not None
    assert (first.metrics.processed_frames, second.metrics.processed_frames) == (30, 60)
    assert 9.9 < second.metrics.current_fps < 10.1
    assert second.metrics.tracking_faces == 1


async def test_the_summary_contains_the_emotions_of_each_face(
    session: StreamSession, world: World, recorder: Recorder
) -> None:
    await session.start(ConfigChange({"smooth_emotions": False, "video_source": "front camera"}))
    shows = [Emotion.HAPPY] * 20 + [Emotion.SAD] * 20
    for i, emotion in enumerate(shows, 1):
        session.offer(world.frame(i, fake_image((HAPPY_BOX, emotion))))
        await recorder.nth(FrameResult, i)
    await session.stop()
    summary = recorder.all(SessionEnded)[0].summary
    (track,) = summary.tracks
    assert summary.video_source == "front camera"
    assert summary.duration_s == pytest.approx(4.0)
    assert (track.track_id, track.frames) == ("face_1", 40)
    assert track.time_share[Emotion.HAPPY] == pytest.approx(0.5, abs=0.05)
    assert track.mean_scores[Emotion.SAD] == pytest.approx(0.45, abs=0.05)
    assert [entry.second for entry in track.timeline] == [0, 1, 2, 3, 4]
    assert track.timeline[0].emotion is Emotion.HAPPY
    assert track.timeline[-1].emotion is Emotion.SAD


async def test_a_session_that_falls_behind_reduces_its_effort(
    session: StreamSession, world: World, recorder: Recorder
) -> None:
    await session.start(ConfigChange({"auto_adjust": True}))
    for i in range(1, 30):
        session.offer(world.frame(2 * i))
        session.offer(world.frame(2 * i + 1))
        await recorder.nth(FrameResult, i)
    suggested = [s.config["processing_resolution"] for s in recorder.all(Suggestion)]
    assert suggested == [(480, 360), (320, 240)]
    assert world.detector.last_fit_within == (320, 240)
    assert recorder.all(FrameResult)[-1].width == 640
