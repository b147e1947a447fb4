import pytest

from adapters.in_memory import (
    InMemoryImageStore,
    InMemoryVideoRepository,
    InMemoryVideoStore,
)
from application.errors import StoreUnavailable
from application.sessions.events import Failure, SessionEnded
from application.sessions.session import StreamSession
from application.use_cases.erase_videos import EraseVideos
from application.use_cases.history import EraseHistory
from domain.detection import DetectionKind, HistoryFilter, StorageStatus
from domain.emotion import Emotion
from domain.session_config import ConfigChange
from tests.samples import records_of
from tests.unit.sessions.world import Recorder, World, analysed


async def test_a_session_is_kept_in_the_history_when_asked(
    session: StreamSession, world: World, recorder: Recorder
) -> None:
    await session.start(ConfigChange({"save_session": True, "video_source": "front camera"}))
    await analysed(session, world, recorder, 3)
    await session.stop()
    ended = recorder.all(SessionEnded)[0]
    happy = HistoryFilter(emotion=Emotion.HAPPY)
    (kept,) = await records_of(world.repository, "alice", happy)
    assert kept.detection_id == ended.detection_id
    assert kept.kind is DetectionKind.STREAM
    assert kept.filename == "front camera"
    assert kept.summary == ended.summary
    assert kept.image_url is None


async def test_a_session_of_a_disconnected_client_is_kept(
    session: StreamSession, world: World, recorder: Recorder
) -> None:
    await session.start(ConfigChange({"save_session": True}))
    await analysed(session, world, recorder, 1)
    await session.end()
    assert await world.repository.count("alice", HistoryFilter()) == 1


async def test_a_session_is_kept_only_on_request_and_with_frames(
    session: StreamSession, world: World, recorder: Recorder
) -> None:
    await session.start()
    await analysed(session, world, recorder, 1)
    await session.stop()
    await session.start(ConfigChange({"save_session": True}))
    await session.stop()
    assert await world.repository.count("alice", HistoryFilter()) == 0


@pytest.mark.parametrize("outage_s", [60, 48 * 3600])
async def test_a_session_that_ends_while_the_history_is_down_is_stored_later(
    session: StreamSession, world: World, recorder: Recorder, outage_s: float
) -> None:
    await session.start(ConfigChange({"save_session": True}))
    await analysed(session, world, recorder, 1)
    world.repository.fail_with(StoreUnavailable("the history is down"))
    await session.stop()
    assert not recorder.all(Failure)
    ended = recorder.all(SessionEnded)[0]
    await world.store.carry_due()
    world.clock.advance(outage_s)
    await world.store.carry_due()
    world.repository.recover()
    world.clock.advance(300)
    assert await world.store.carry_due() is None
    (kept,) = await records_of(world.repository)
    assert (kept.detection_id, kept.summary) == (ended.detection_id, ended.summary)
    assert kept.storage is StorageStatus.DONE
    assert not await world.spool.waiting()


async def test_a_session_that_was_deleted_while_it_waited_does_not_come_back(
    session: StreamSession, world: World, recorder: Recorder
) -> None:
    await session.start(ConfigChange({"save_session": True}))
    await analysed(session, world, recorder, 1)
    await session.stop()
    (kept,) = await records_of(world.repository)
    videos = EraseVideos(
        repository=InMemoryVideoRepository(), store=InMemoryVideoStore(), history=world.repository
    )
    erase = EraseHistory(
        repository=world.repository,
        spool=world.spool,
        images=InMemoryImageStore(),
        erase_videos=videos,
        retry_schedule=world.store.retry_schedule,
    )
    await erase.one(session.user, kept.detection_id)
    await world.store.carry_due()
    assert await world.repository.count("alice", HistoryFilter()) == 0


async def test_a_full_disk_loses_the_record_but_not_the_summary(
    session: StreamSession, world: World, recorder: Recorder
) -> None:
    await session.start(ConfigChange({"save_session": True}))
    await analysed(session, world, recorder, 1)
    world.spool.fail_with(StoreUnavailable("the spool is full"))
    await session.stop()
    assert isinstance(recorder.all(Failure)[0].error, StoreUnavailable)
    assert recorder.all(SessionEnded)[0].detection_id is None
