"""The work on videos through crashes, cancellations and waiting users."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    suppress,
)
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.in_memory import fake_image, fake_video
from application.errors import InferenceUnavailable, StoreUnavailable
from application.ports.video_reader import OpenVideo
from application.videos.progress import NotHeld, VideoProgress
from application.videos.work import MAX_ATTEMPTS
from domain.detection import DetectionKind, HistoryFilter
from domain.emotion import Emotion
from domain.errors import (
    Forbidden,
    InvalidVideo,
    NotFound,
    TooManyVideos,
    VideoTooLarge,
    VideoTooLong,
)
from domain.video import MAX_UNREADABLE_PARTS, UnreadablePart, VideoStatus
from tests.samples import NOON, make_video, records_of
from tests.unit.videos.service import FACE, Videos, clip


async def stopped(task: asyncio.Task[Any]) -> None:
    """Stop the work in order, so that it can write its results."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_submitted_video_becomes_one_entry_of_the_history(videos: Videos) -> None:
    video = await videos.submitted()
    assert video.status is VideoStatus.QUEUED
    assert await videos.work.work_once()
    done = await videos.read.one(videos.alice, video.video_id)
    assert (done.status, done.progress, done.frames_analysed) == (VideoStatus.DONE, 1.0, 40)
    entry = await videos.history.get(video.video_id)
    assert entry is not None
    assert (entry.kind, entry.filename) == (DetectionKind.VIDEO, "clip.mp4")
    assert [face.dominant_emotion for face in entry.faces] == [Emotion.HAPPY]
    assert entry.summary is not None
    assert entry.summary.duration_s == pytest.approx(3.9)
    assert len(entry.summary.tracks[0].timeline) == 4
    assert [frame.number for frame in await videos.table(video.video_id)] == list(range(40))
    assert not await videos.work.work_once()


async def test_work_continues_after_a_crash(videos: Videos) -> None:
    video = await videos.submitted()
    # A crash writes nothing more.
    crashed = await videos.begun(video, frames=15)
    looked_at = len(await videos.table(video.video_id))
    videos.repository.fail_with(StoreUnavailable("the process is dead"))
    await stopped(crashed)
    videos.repository.recover()
    videos.detector.release()

    looks = videos.detector.runs
    restarted = videos.process("here")
    running = asyncio.create_task(restarted.run())
    async with asyncio.timeout(20):
        while (await videos.state(video.video_id)).status is not VideoStatus.DONE:  # noqa: ASYNC110
            await asyncio.sleep(0)
    await stopped(running)
    assert videos.detector.runs - looks == 40 - looked_at
    assert [frame.number for frame in await videos.table(video.video_id)] == list(range(40))
    (entry,) = await records_of(videos.history)
    assert entry.summary is not None
    assert [track.frames for track in entry.summary.tracks] == [40]


@pytest.mark.parametrize("frames", [9, 10, 11])
async def test_a_stop_as_a_face_enters_changes_nothing(videos: Videos, frames: int) -> None:
    empty, face = fake_image(width=640, height=480), fake_image((FACE, Emotion.SAD))
    content = fake_video((n / 10, face if n >= 10 else empty) for n in range(20))
    whole = await videos.submitted(content)
    await videos.work.work_once()
    stopped_once = await videos.submitted(content)
    working = await videos.begun(stopped_once, frames=frames)
    videos.detector.release()
    await stopped(working)
    await videos.work.work_once()
    assert await videos.table(stopped_once.video_id) == await videos.table(whole.video_id)
    entries = await records_of(videos.history)
    tracks = [entry.summary.tracks for entry in entries if entry.summary is not None]
    assert tracks[0] == tracks[1]
    assert [(track.first_seen_s, track.frames) for track in tracks[0]] == [(1.0, 10)]


async def test_a_crash_after_the_entry_makes_no_second_entry(videos: Videos) -> None:
    video = await videos.submitted()
    await videos.work.work_once()
    entry = await videos.history.get(video.video_id)
    # The entry was made, and the process died before it was recorded.
    kept = videos.repository._kept[video.video_id]
    kept.video = replace(kept.video, status=VideoStatus.RUNNING)
    assert await videos.process("there").work_once()
    assert await records_of(videos.history) == [entry]


async def test_a_stopping_process_releases_its_work_at_once(videos: Videos) -> None:
    video = await videos.submitted()
    await stopped(await videos.begun(video, frames=10))
    left = await videos.state(video.video_id)
    assert (left.status, left.attempts) == (VideoStatus.QUEUED, 0)
    videos.detector.release()
    assert await videos.process("there").work_once()
    assert (await videos.state(video.video_id)).status is VideoStatus.DONE


async def test_the_work_of_a_dead_process_is_taken_over(videos: Videos) -> None:
    video = await videos.submitted()
    dead = await videos.begun(video, frames=10)
    videos.repository.fail_with(StoreUnavailable("the process is dead"))
    await stopped(dead)
    videos.repository.recover()
    videos.detector.release()
    other = videos.process("there")
    assert not await other.work_once()
    videos.clock.advance(31)
    assert await other.work_once()
    assert (await videos.state(video.video_id)).status is VideoStatus.DONE


async def test_a_deleted_video_ends_the_work_within_a_second(videos: Videos) -> None:
    video = await videos.submitted()
    work = await videos.begun(video, frames=10)
    await videos.erase.one(videos.alice, video.video_id)
    for _ in range(2):
        videos.clock.advance(0.5)
        await asyncio.sleep(0)
    assert await work
    assert await videos.repository.get(video.video_id) is None
    assert await videos.table(video.video_id) == []
    assert len(videos.store) == 0
    assert await videos.history.get(video.video_id) is None


async def test_the_turn_of_a_user_who_erases_a_video_in_work_lasted_until_then(
    videos: Videos,
) -> None:
    video = await videos.submitted()
    work = await videos.begun(video, frames=10)
    await videos.repository.end_turn("bob", videos.clock.now())
    await videos.erase.one(videos.alice, video.video_id)
    for _ in range(2):
        videos.clock.advance(0.5)
        await asyncio.sleep(0)
    assert await work
    videos.detector.release()
    hers = await videos.submitted()
    his = await videos.submitted(owner=videos.bob)
    assert await videos.work.work_once()
    assert (await videos.state(his.video_id)).status is VideoStatus.DONE
    assert (await videos.state(hers.video_id)).status is VideoStatus.QUEUED


async def test_a_video_deleted_as_it_is_done_leaves_no_entry(videos: Videos) -> None:
    video = await videos.submitted()
    videos.history.hold()
    work = asyncio.create_task(videos.work.work_once())
    await asyncio.sleep(0.05)
    await videos.repository.cancel(video.video_id)
    videos.history.release()
    assert await work
    assert await videos.history.get(video.video_id) is None
    assert await videos.work.work_once(), "what was cancelled is erased"
    assert await videos.repository.get(video.video_id) is None


async def test_deleting_that_failed_half_way_is_finished_later(videos: Videos) -> None:
    video = await videos.submitted()
    videos.store.fail_with(StoreUnavailable("down"))
    with pytest.raises(StoreUnavailable):
        await videos.erase.one(videos.alice, video.video_id)
    shown = await videos.read.one(videos.alice, video.video_id)
    assert shown.status is VideoStatus.CANCELLED
    videos.store.recover()
    assert await videos.work.work_once()
    assert await videos.repository.get(video.video_id) is None
    assert len(videos.store) == 0


async def test_an_unreadable_video_fails_with_the_reason(videos: Videos) -> None:
    video = await videos.submitted()
    videos.reader.fail_with(InvalidVideo("the video file is damaged"))
    await videos.work.work_once()
    failed = await videos.state(video.video_id)
    assert failed.status is VideoStatus.FAILED
    assert failed.fault is not None
    assert (failed.fault.code, failed.fault.message) == (
        "invalid_video",
        "the video file is damaged",
    )
    assert await videos.history.count("alice", HistoryFilter()) == 0


async def test_a_video_erased_as_the_work_begins_is_no_fault_of_the_service(
    videos: Videos, caplog: pytest.LogCaptureFixture
) -> None:
    video = await videos.submitted()
    videos.reader.fail_with(FileNotFoundError("it was there a moment ago"))
    await videos.work.work_once()
    failed = await videos.state(video.video_id)
    assert failed.fault is not None
    assert failed.fault.code == "not_found"
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_a_video_longer_than_its_header_says_fails(videos: Videos) -> None:
    video = await videos.submitted()
    kept = videos.store._files
    ((key, _),) = kept.items()
    kept[key] = clip(70)
    await videos.work.work_once()
    failed = await videos.state(video.video_id)
    assert failed.fault is not None
    assert failed.fault.code == "video_too_long"


async def test_a_part_of_a_long_recording_is_as_long_as_its_frames(videos: Videos) -> None:
    video = await videos.submitted(clip(4, start_s=2 * videos.limits.max_duration_s))
    await videos.work.work_once()
    assert (await videos.state(video.video_id)).status is VideoStatus.DONE


async def test_an_unavailable_classifier_delays_a_video_without_failing_it(videos: Videos) -> None:
    video = await videos.submitted()
    videos.detector.fail_with(InferenceUnavailable("down"))
    for _ in range(MAX_ATTEMPTS + 5):
        assert await videos.work.work_once()
        videos.clock.advance(11)
    assert (await videos.state(video.video_id)).status is VideoStatus.QUEUED
    videos.detector.recover()
    await videos.work.work_once()
    assert (await videos.state(video.video_id)).status is VideoStatus.DONE


async def test_a_video_that_crashes_every_process_is_given_up(videos: Videos) -> None:
    video = await videos.submitted()
    for number in range(MAX_ATTEMPTS):
        now = videos.clock.now()
        # Every process that claims it dies.
        until = now + timedelta(seconds=30)
        assert await videos.repository.claim(holder=f"x/{number}", now=now, until=until)
        videos.clock.advance(31)
    await videos.work.work_once()
    failed = await videos.state(video.video_id)
    assert failed.fault is not None
    assert failed.fault.code == "internal_error"


async def test_a_long_video_yields_to_another_users_after_a_minute(videos: Videos) -> None:
    long = await videos.submitted()
    work = await videos.begun(long, frames=10)
    short = await videos.submitted(clip(1), owner=videos.bob)
    for _ in range(70):
        videos.clock.advance(1)
        await asyncio.sleep(0)
    assert await work
    assert (await videos.state(long.video_id)).status is VideoStatus.QUEUED
    videos.detector.release()
    await videos.work.work_once()
    assert (await videos.state(short.video_id)).status is VideoStatus.DONE
    await videos.work.work_once()
    assert (await videos.state(long.video_id)).status is VideoStatus.DONE


async def test_videos_that_never_have_a_frame_are_given_up(videos: Videos) -> None:
    videos.detector.hold()
    stuck = [await videos.submitted(owner=owner) for owner in (videos.alice, videos.bob)]
    for _ in range(len(stuck) * (MAX_ATTEMPTS + 1)):
        turn = asyncio.create_task(videos.work.work_once())
        for _ in range(70):
            videos.clock.advance(1)
            await asyncio.sleep(0)
        assert await turn
    # The last one that is left has nobody to give way to.
    first = await videos.state(stuck[0].video_id)
    assert (first.status, first.attempts) == (VideoStatus.FAILED, MAX_ATTEMPTS + 1)


async def test_many_unreadable_parts_are_joined(videos: Videos) -> None:
    image = fake_image((FACE, Emotion.HAPPY))
    frames = [frame for n in range(400) for frame in ((n / 10, image), None)]
    video = await videos.submitted(fake_video(frames))
    await videos.work.work_once()
    unreadable_parts = (await videos.state(video.video_id)).unreadable_parts
    entry = await videos.history.get(video.video_id)
    assert entry is not None
    assert entry.video is not None
    assert entry.video.unreadable_parts == unreadable_parts
    assert len(unreadable_parts) == MAX_UNREADABLE_PARTS
    assert unreadable_parts[-1].from_s == pytest.approx(9.9)
    assert unreadable_parts[-1].to_s is None


async def test_unreadable_parts_are_in_the_entry(videos: Videos) -> None:
    image = fake_image((FACE, Emotion.HAPPY))
    frames: list[tuple[float, bytes] | None] = [(0.0, image), (0.1, image), None, (2.0, image)]
    video = await videos.submitted(fake_video(frames))
    await videos.work.work_once()
    entry = await videos.history.get(video.video_id)
    assert entry is not None
    assert entry.video is not None
    assert entry.video.unreadable_parts == (UnreadablePart(0.1, 2.0),)


async def test_progress_and_remaining_time_are_reported(videos: Videos) -> None:
    video = await videos.submitted()
    work = await videos.begun(video, frames=20)
    shown = await videos.state(video.video_id)
    assert shown.status is VideoStatus.RUNNING
    assert shown.progress == pytest.approx(0.5, abs=0.06)
    assert shown.remaining_s is not None
    assert shown.remaining_s > 0
    await stopped(work)


async def test_videos_beyond_the_limits_are_refused_and_leave_nothing(videos: Videos) -> None:
    refusals = {
        clip(70): VideoTooLong,
        b"no video": InvalidVideo,
        bytes(videos.limits.max_bytes + 1): VideoTooLarge,
    }
    for content, error in refusals.items():
        with pytest.raises(error):
            await videos.submitted(content)
    for _ in range(videos.limits.max_unfinished):
        await videos.submitted()
    with pytest.raises(TooManyVideos):
        async with videos.submit.hold_place(videos.alice):
            pass
    with pytest.raises(TooManyVideos):
        await videos.submitted()
    await videos.submitted(owner=videos.bob)
    assert len(videos.store) == videos.limits.max_unfinished + 1


async def test_concurrent_uploads_take_a_place_each(videos: Videos) -> None:
    async with AsyncExitStack() as uploads:
        for _ in range(videos.limits.max_unfinished):
            await uploads.enter_async_context(videos.submit.hold_place(videos.alice))
        with pytest.raises(TooManyVideos):
            await uploads.enter_async_context(videos.submit.hold_place(videos.alice))
        await uploads.enter_async_context(videos.submit.hold_place(videos.bob))
    async with videos.submit.hold_place(videos.alice):
        await videos.submitted()


async def test_uploaded_files_are_opened_one_at_a_time(
    videos: Videos, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = videos.reader.open
    now_open: list[Path] = []
    most = 0

    @asynccontextmanager
    async def opened(path: Path) -> AsyncIterator[OpenVideo]:
        nonlocal most
        async with read(path) as video:
            now_open.append(path)
            most = max(most, len(now_open))
            await asyncio.sleep(0.1)  # the others could open theirs meanwhile
            yield video
            now_open.remove(path)

    monkeypatch.setattr(videos.reader, "open", opened)
    await asyncio.gather(*(videos.submitted() for _ in range(3)))
    assert most == 1


async def test_the_files_of_one_user_do_not_all_come_before_those_of_another(
    videos: Videos, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive, open_file = videos.store.received, videos.reader.open
    received: list[Path] = []
    opened: list[Path] = []

    @asynccontextmanager
    async def receive_in_order(chunks: AsyncIterator[bytes]) -> AsyncIterator[Path]:
        async with receive(chunks) as path:
            received.append(path)
            yield path

    def open_in_order(path: Path) -> AbstractAsyncContextManager[OpenVideo]:
        opened.append(path)
        return open_file(path)

    monkeypatch.setattr(videos.store, "received", receive_in_order)
    monkeypatch.setattr(videos.reader, "open", open_in_order)
    videos.reader.hold()
    sent = []
    for number, owner in enumerate((videos.alice, videos.alice, videos.alice, videos.bob)):
        sent.append(asyncio.create_task(videos.submitted(owner=owner)))
        async with asyncio.timeout(20):
            while len(received) == number:  # noqa: ASYNC110
                await asyncio.sleep(0)
    videos.reader.release()
    await asyncio.gather(*sent)
    assert [received.index(path) for path in opened] == [0, 3, 1, 2]


async def test_a_video_whose_file_cannot_be_stored_leaves_no_record(videos: Videos) -> None:
    async def full(*_: object) -> None:
        raise StoreUnavailable("the disk is full")

    videos.store.put = full  # type: ignore[method-assign, assignment]
    with pytest.raises(StoreUnavailable):
        await videos.submitted()
    assert await videos.repository.newest("alice", tuple(VideoStatus), limit=9) == []


async def test_all_videos_of_a_user_are_erased_however_many(videos: Videos) -> None:
    for _ in range(101):
        video = make_video(status=VideoStatus.DONE)
        await videos.repository.add(video, holder="", until=NOON, limit=3)
    hers = await videos.submitted(owner=videos.bob)
    assert await videos.erase.everything("alice") == 101
    assert await videos.repository.newest("alice", tuple(VideoStatus), limit=9) == []
    assert (await videos.state(hers.video_id)).status is VideoStatus.QUEUED


async def test_other_users_cannot_see_follow_or_delete_a_video(videos: Videos) -> None:
    video = await videos.submitted()
    with pytest.raises(Forbidden):
        await videos.read.one(videos.bob, video.video_id)
    with pytest.raises(Forbidden):
        await videos.erase.one(videos.bob, video.video_id)
    with pytest.raises(Forbidden):
        await anext(videos.read.changes(videos.bob, video.video_id, videos.credential))
    with pytest.raises(Forbidden):
        await anext(videos.read.frames(videos.bob, video.video_id))
    await videos.erase.one(videos.alice, video.video_id)
    with pytest.raises(NotFound):
        await videos.read.one(videos.alice, video.video_id)


async def test_a_video_that_was_left_is_not_held_again_by_a_late_beat(videos: Videos) -> None:
    video = await videos.submitted()
    now = videos.clock.now()
    held = await videos.repository.claim(holder="me", now=now, until=now + timedelta(seconds=30))
    assert held is not None
    progress = VideoProgress(
        held,
        holder="me",
        limits=videos.limits,
        repository=videos.repository,
        clock=videos.clock,
    )
    await progress.leave(progress.interrupted(), pause_s=10)
    for late in (progress.beat, progress.write):
        with pytest.raises(NotHeld):
            await late()
    assert (await videos.state(video.video_id)).status is VideoStatus.QUEUED
