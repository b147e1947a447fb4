import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from adapters.in_memory import InMemoryVideoRepository
from adapters.mongodb import MongoVideoRepository
from adapters.sqlite import SqliteVideoRepository
from application.ports.video_repository import VideoRepository
from domain.emotion import Emotion
from domain.video import AnalysedFrame, UnreadablePart, Video, VideoFault, VideoStatus
from tests.samples import NOON, Fixture, make_frame, make_video

REPOSITORIES: dict[str, Callable[[Fixture], VideoRepository]] = {
    "in-memory": lambda fixture: InMemoryVideoRepository(),
    "sqlite": lambda fixture: SqliteVideoRepository(fixture("sqlite_database")),
    "mongodb": lambda fixture: MongoVideoRepository(fixture("mongodb_database")),
}
ME, OTHER = "here/1", "there/1"
LATER = NOON + timedelta(seconds=30)
MUCH_LATER = NOON + timedelta(minutes=5)


@pytest.fixture(params=REPOSITORIES)
def repository(request: pytest.FixtureRequest) -> VideoRepository:
    return REPOSITORIES[request.param](request.getfixturevalue)


async def waiting(repository: VideoRepository, *videos: Video) -> None:
    """Add videos that nobody holds."""
    for video in videos:
        assert await repository.add(video, holder=ME, until=NOON, limit=99)


async def claimed(repository: VideoRepository, holder: str = ME) -> Video | None:
    return await repository.claim(holder=holder, now=NOON, until=LATER)


async def frames_of(repository: VideoRepository, video_id: UUID) -> list[AnalysedFrame]:
    return [frame async for frames in repository.frames(video_id) for frame in frames]


async def test_a_video_comes_back_as_it_was_kept(repository: VideoRepository) -> None:
    video = replace(
        make_video(filename="\udce9 Ü😀.mp4"),
        duration_s=None,
        unreadable_parts=(UnreadablePart(1.0, 2.5), UnreadablePart(4.0, None)),
        fault=VideoFault("invalid_video", "it cannot be read"),
        speed=12.5,
        attempts=3,
        status=VideoStatus.FAILED,
    )
    await waiting(repository, video)
    assert await repository.get(video.video_id) == video
    assert await repository.get(uuid4()) is None


async def test_the_newest_videos_of_a_user_in_some_states_are_listed(
    repository: VideoRepository,
) -> None:
    states = (VideoStatus.QUEUED, VideoStatus.DONE, VideoStatus.FAILED, VideoStatus.QUEUED)
    oldest, done, failed, newest = (
        make_video(submitted_at=NOON + timedelta(seconds=n), status=status)
        for n, status in enumerate(states)
    )
    await waiting(repository, failed, newest, oldest, done, make_video("bob"))
    wanted = (VideoStatus.QUEUED, VideoStatus.FAILED)
    assert await repository.newest("alice", wanted, limit=9) == [newest, failed, oldest]
    assert await repository.newest("alice", wanted, limit=2) == [newest, failed]
    every = await repository.newest("alice", tuple(VideoStatus), limit=9)
    assert every == [newest, failed, done, oldest]
    assert await repository.newest("carol", wanted, limit=9) == []


async def test_the_number_of_unfinished_videos_is_limited(repository: VideoRepository) -> None:
    done = make_video(status=VideoStatus.DONE)
    await waiting(repository, make_video(), make_video(status=VideoStatus.RUNNING), done)
    refused, other = make_video(), make_video("bob")
    assert not await repository.add(refused, holder=ME, until=NOON, limit=2)
    assert await repository.get(refused.video_id) is None
    assert await repository.add(other, holder=ME, until=NOON, limit=2)


async def test_a_claimed_video_is_running_and_held_by_one_process(
    repository: VideoRepository,
) -> None:
    video = make_video()
    await waiting(repository, video)
    found = await claimed(repository)
    assert found == replace(video, status=VideoStatus.RUNNING, attempts=1)
    assert await repository.get(video.video_id) == found
    assert await claimed(repository, OTHER) is None


async def test_concurrent_claims_get_different_videos(repository: VideoRepository) -> None:
    videos = [make_video(f"user {number}") for number in range(4)]
    await waiting(repository, *videos)
    asked = (claimed(repository, f"place/{number}") for number in range(12))
    found = [video for video in await asyncio.gather(*asked) if video is not None]
    assert sorted(v.video_id for v in found) == sorted(v.video_id for v in videos)


async def test_a_video_with_an_expired_lease_is_claimed_by_another_process(
    repository: VideoRepository,
) -> None:
    video = make_video()
    await waiting(repository, video)
    found = await claimed(repository)
    assert found is not None
    taken = await repository.claim(holder=OTHER, now=LATER, until=MUCH_LATER)
    assert taken is not None
    assert (taken.video_id, taken.attempts) == (video.video_id, 2)
    # The earlier holder may still run, and cannot write any more.
    assert not await repository.update(found, holder=ME, until=MUCH_LATER, frames=[make_frame(0)])
    assert await frames_of(repository, video.video_id) == []


async def test_users_take_turns(repository: VideoRepository) -> None:
    hers = [make_video("alice", submitted_at=NOON + timedelta(seconds=n)) for n in range(3)]
    his = make_video("bob", submitted_at=NOON + timedelta(seconds=9))
    await waiting(repository, *hers, his)
    order = []
    for number in range(4):
        now = NOON + timedelta(seconds=20 + number)
        video = await repository.claim(holder=ME, now=now, until=MUCH_LATER)
        assert video is not None
        order.append(video.video_id)
    assert order == [each.video_id for each in (hers[0], his, hers[1], hers[2])]


async def test_a_user_who_erases_videos_after_each_turn_is_not_preferred(
    repository: VideoRepository,
) -> None:
    hers = [make_video("alice", submitted_at=NOON + timedelta(seconds=n)) for n in range(2)]
    await waiting(repository, *hers)
    order = []
    for number in range(4):
        his = make_video("mallory", submitted_at=NOON + timedelta(seconds=10 + number))
        await waiting(repository, his)
        now = NOON + timedelta(seconds=20 + number)
        video = await repository.claim(holder=ME, now=now, until=MUCH_LATER)
        assert video is not None
        order.append(video.user_id)
        if video.user_id == "mallory":
            await repository.delete(video.video_id)
    assert order == ["alice", "mallory", "alice", "mallory"]


async def test_a_turn_lasts_until_its_end(repository: VideoRepository) -> None:
    await waiting(repository, make_video("alice"))
    await repository.claim(holder=ME, now=NOON, until=NOON)
    await waiting(repository, make_video("bob"))
    await repository.claim(holder=ME, now=LATER, until=LATER)
    await repository.end_turn("alice", LATER + timedelta(hours=1))
    found = await repository.claim(
        holder=ME, now=NOON + timedelta(hours=2), until=NOON + timedelta(hours=3)
    )
    assert found is not None
    assert found.user_id == "bob"


async def test_turns_are_forgotten(repository: VideoRepository) -> None:
    await waiting(repository, make_video("alice"), make_video("bob", submitted_at=LATER))
    await repository.end_turn("alice", NOON)
    assert await repository.forget_turns(NOON) == 0
    assert await repository.forget_turns(NOON + timedelta(seconds=1)) == 1
    found = await repository.claim(holder=ME, now=MUCH_LATER, until=MUCH_LATER)
    assert found is not None
    assert found.user_id == "alice"


@pytest.mark.parametrize("status", [VideoStatus.RECEIVING, VideoStatus.CANCELLED])
async def test_a_cancelled_video_is_claimed_to_be_erased(
    repository: VideoRepository, status: VideoStatus
) -> None:
    video = make_video(status=status)
    await waiting(repository, video)
    assert await claimed(repository) == video


@pytest.mark.parametrize("status", [VideoStatus.DONE, VideoStatus.FAILED])
async def test_finished_videos_are_not_claimed(
    repository: VideoRepository, status: VideoStatus
) -> None:
    await waiting(repository, make_video(status=status))
    assert await claimed(repository) is None


async def test_frames_are_returned_in_order_and_once_each(repository: VideoRepository) -> None:
    video = make_video()
    await waiting(repository, video)
    found = await claimed(repository)
    assert found is not None
    frames = [make_frame(n, *[Emotion.HAPPY, Emotion.SAD][: n % 3]) for n in range(9)]
    # The second run did not know the last frames that the first had written.
    for start, end in ((0, 3), (3, 7), (5, 9)):
        assert await repository.update(found, holder=ME, until=LATER, frames=frames[start:end])
    assert [f.number for f in await frames_of(repository, video.video_id)] == list(range(9))
    kept = await frames_of(repository, video.video_id)
    for frame, known in zip(kept, frames, strict=True):
        assert (frame.time_s, frame.scene, frame.width) == (known.time_s, known.scene, known.width)
        assert [f.track.track_id for f in frame.faces] == [f.track.track_id for f in known.faces]
        for face, found_before in zip(frame.found, known.found, strict=True):
            assert face.detection.box == found_before.detection.box
            assert face.reading.scores.values == pytest.approx(
                found_before.reading.scores.values, abs=2e-4
            )
    assert await frames_of(repository, uuid4()) == []


async def test_a_finished_video_is_not_updated(repository: VideoRepository) -> None:
    video = make_video()
    await waiting(repository, video)
    found = await claimed(repository)
    assert found is not None
    done = replace(found, status=VideoStatus.DONE)
    assert await repository.update(done, holder=ME, until=NOON)
    assert not await repository.update(found, holder=ME, until=LATER)
    assert await repository.get(video.video_id) == done


async def test_a_cancelled_video_is_held_by_nobody(repository: VideoRepository) -> None:
    video = make_video()
    await waiting(repository, video)
    found = await claimed(repository)
    assert found is not None
    assert await repository.cancel(video.video_id)
    assert not await repository.update(found, holder=ME, until=LATER)
    left = await claimed(repository, OTHER)
    assert left is not None
    assert left.status is VideoStatus.CANCELLED
    assert not await repository.cancel(uuid4())


async def test_a_deleted_video_leaves_nothing(repository: VideoRepository) -> None:
    video = make_video()
    await waiting(repository, video)
    found = await claimed(repository)
    assert found is not None
    await repository.update(found, holder=ME, until=LATER, frames=[make_frame(0, Emotion.HAPPY)])
    assert await repository.delete(video.video_id)
    assert not await repository.delete(video.video_id)
    assert await repository.get(video.video_id) is None
    assert await frames_of(repository, video.video_id) == []
    assert not await repository.update(found, holder=ME, until=LATER, frames=[make_frame(1)])
    assert await frames_of(repository, video.video_id) == []


async def test_only_queued_videos_of_other_users_count_as_waiting(
    repository: VideoRepository,
) -> None:
    await waiting(repository, make_video("alice"), make_video("bob", status=VideoStatus.DONE))
    assert not await repository.others_wait("alice", NOON)
    assert await repository.others_wait("bob", NOON)
    assert await claimed(repository) is not None
    assert not await repository.others_wait("bob", NOON)


async def test_a_place_that_starts_again_releases_what_it_held(repository: VideoRepository) -> None:
    mine, others = make_video("alice"), make_video("bob", submitted_at=LATER)
    await waiting(repository, mine, others)
    assert await claimed(repository, "here/first run")
    assert await claimed(repository, "here too/first run")
    await repository.end_runs("here")
    found = await claimed(repository, "here/second run")
    assert found is not None
    assert found.video_id == mine.video_id
    assert await claimed(repository, "here/second run") is None
