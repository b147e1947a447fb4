"""Following the work on a video: every change, until the work or the token ends."""

import asyncio
from datetime import timedelta

import pytest

from application.accounts.credentials import Credential
from application.errors import StoreUnavailable
from domain.errors import InvalidToken
from domain.video import Video, VideoStatus
from tests.unit.videos.service import Videos


async def test_following_yields_every_change_until_the_end(videos: Videos) -> None:
    video = await videos.submitted()
    seen: list[VideoStatus] = []

    async def follow() -> None:
        changes = videos.read.changes(videos.alice, video.video_id, videos.credential)
        seen.extend([each.status async for each in changes])

    following = asyncio.create_task(follow())
    await asyncio.sleep(0)
    work = await videos.begun(video, frames=10)
    videos.detector.release()
    await work
    async with asyncio.timeout(20):
        while not following.done():
            videos.clock.advance(0.5)
            await asyncio.sleep(0)
    assert seen[0] is VideoStatus.QUEUED
    assert VideoStatus.RUNNING in seen
    assert seen[-1] is VideoStatus.DONE


async def test_following_a_deleted_video_ends_with_cancelled(videos: Videos) -> None:
    video = await videos.submitted()
    following = videos.read.changes(videos.alice, video.video_id, videos.credential)
    await anext(following)
    await videos.erase.one(videos.alice, video.video_id)
    last = asyncio.create_task(anext(following))
    await asyncio.sleep(0)
    videos.clock.advance(1)
    assert (await last).status is VideoStatus.CANCELLED
    with pytest.raises(StopAsyncIteration):
        await anext(following)


async def test_a_video_that_does_not_change_is_sent_again_every_15_seconds(videos: Videos) -> None:
    video = await videos.submitted()
    following = videos.read.changes(videos.alice, video.video_id, videos.credential)
    first = await anext(following)
    again = asyncio.create_task(anext(following))
    for half_seconds in range(31):
        for _ in range(5):
            await asyncio.sleep(0)
        assert again.done() == (half_seconds == 30)
        videos.clock.advance(0.5)
    assert await again == first


async def followed_for(videos: Videos, video: Video, seconds: float) -> list[Video] | None:
    """What a follower sees of a video that does not change; None if it is followed still."""
    following = videos.read.changes(videos.alice, video.video_id, videos.credential)
    await anext(following)

    async def follow() -> list[Video]:
        return [each async for each in following]

    task = asyncio.create_task(follow())
    for _ in range(round(seconds / 0.5)):
        # The clock's sleepers need a few turns of the loop to sleep again.
        for _ in range(5):
            await asyncio.sleep(0)
        videos.clock.advance(0.5)
    for _ in range(5):
        await asyncio.sleep(0)
    if task.done():
        return task.result()
    task.cancel()
    return None


async def test_following_ends_when_the_token_is_revoked(videos: Videos) -> None:
    video = await videos.submitted()
    videos.refused = InvalidToken("the sign-ins of this account were ended")
    assert await followed_for(videos, video, 9) is None
    assert await followed_for(videos, video, 11) == []


async def test_following_ends_when_the_token_expires(videos: Videos) -> None:
    video = await videos.submitted()
    videos.credential = Credential("a token", videos.clock.now() + timedelta(seconds=3))
    assert await followed_for(videos, video, 4) == []


async def test_following_goes_on_while_tokens_cannot_be_verified(videos: Videos) -> None:
    video = await videos.submitted()
    videos.refused = StoreUnavailable("down")
    assert await followed_for(videos, video, 30) is None


async def test_following_ends_when_the_service_stops(videos: Videos) -> None:
    video = await videos.submitted()
    following = videos.read.changes(videos.alice, video.video_id, videos.credential)
    assert (await anext(following)).status is VideoStatus.QUEUED
    videos.read.stop()
    assert [change async for change in following] == []
