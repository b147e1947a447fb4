"""Hostile videos and senders: others notice nothing, memory stays bounded, and nothing is left."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import skimage.data

from tests import clips
from tests.attacks.flood import connected
from tests.attacks.memory import PeakMemory
from tests.e2e.calls import detect, watch_health
from tests.e2e.conftest import as_jpeg
from tests.e2e.service_process import ServiceProcess
from tests.e2e.videos import ended, send, shown, write_interview

MAX_MB = 450
OPENING_MB = 300
"""What a process that opens a hostile video may take at most."""
UNREAD = 60


def edits(path: Path) -> Path:
    clip = clips.write_clip(path.with_suffix(".mp4"), clips.numbered(30))
    return clips.with_edits(clip, 1_000_000)


def empty_packets(path: Path) -> Path:
    clip = clips.write_clip(path.with_suffix(".mkv"), clips.numbered(1))
    return clips.with_empty_packets(clip, 400_000)


def fragments(path: Path) -> Path:
    clip = clips.write_clip(path.with_suffix(".mp4"), clips.numbered(1))
    return clips.with_fragments(clip, 500_000)


def one_moment(path: Path) -> Path:
    return clips.write_one_moment(path.with_suffix(".mov"), 1920, 1080, 1500)


ATTACKS = (edits, empty_packets, fragments, one_moment)


async def test_hostile_videos_end_and_delay_nobody(
    service: ServiceProcess, memory: PeakMemory, tmp_path: Path
) -> None:
    hostile = [make(tmp_path / make.__name__).read_bytes() for make in ATTACKS]
    honest = write_interview(tmp_path / "honest.mp4", 2)
    small = as_jpeg(skimage.data.astronaut())
    async with await service.user() as attacker, await service.user() as user:
        healthy = asyncio.create_task(watch_health(service))
        sending = [asyncio.create_task(send(attacker, content)) for content in hostile]
        for _ in range(3):
            await detect(user, small)
        sent = await send(user, honest)
        assert sent.status_code == 202
        for answer in await asyncio.gather(*sending):
            if answer.status_code != 202:
                assert (answer.status_code, answer.json()["code"]) == (400, "invalid_video")
                continue
            video = await ended(attacker, answer.json()["video_id"])
            assert video["status"] in ("done", "failed")
        assert (await ended(user, sent.json()["video_id"]))["status"] == "done"
        healthy.cancel()
        for client in (attacker, user):
            assert (await client.delete("/api/history")).status_code == 200
            for video in (await client.get("/api/videos")).json():
                await client.delete(f"/api/videos/{video['video_id']}")
    assert memory.peak_mb < MAX_MB + OPENING_MB
    assert memory.resident_mb < MAX_MB
    assert video_files(service) == []


async def test_answers_about_videos_that_nobody_reads_take_little_memory(
    service: ServiceProcess, memory: PeakMemory, tmp_path: Path
) -> None:
    large = write_interview(tmp_path / "large.mp4", 10) + b"\0\0\0\0free" + bytes(20_000_000)
    token = (await service.sign_in())["access_token"]
    async with service.client(token) as client, AsyncExitStack() as connections:
        video = (await send(client, large)).json()
        path = f"/api/videos/{video['video_id']}"
        paths = [f"{path}/events", f"{path}/frames", video["file_url"].removeprefix(service.url)]
        await connections.enter_async_context(unread(service, paths[0], token))
        await ended(client, video["video_id"])
        for number in range(UNREAD):
            asked = paths[number % len(paths)]
            await connections.enter_async_context(unread(service, asked, token))
        await detect(client, as_jpeg(skimage.data.astronaut()))
        assert (await shown(client, video["video_id"]))["status"] == "done"
    assert memory.peak_mb < MAX_MB


async def test_uploads_that_break_off_leave_no_files(service: ServiceProcess) -> None:
    token = (await service.sign_in())["access_token"]
    head = (
        f"POST /api/videos HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: multipart/form-data; boundary=B\r\nContent-Length: 100000000\r\n\r\n"
        '--B\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n'
    )

    async def break_off() -> None:
        async with connected(service.port) as wire:
            await wire.send(head.encode() + bytes(5_000_000))

    await asyncio.gather(*(break_off() for _ in range(5)))
    async with asyncio.timeout(30), service.client(token) as client:
        while video_files(service):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        # The places of the broken ones become free again.
        while (answer := await send(client, b"no video")).status_code == 429:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_video")


@asynccontextmanager
async def unread(service: ServiceProcess, path: str, token: str) -> AsyncIterator[None]:
    """A connection whose answer is not read."""
    async with connected(service.port) as wire:
        await wire.send(
            f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        )
        yield


def video_files(service: ServiceProcess) -> list[Path]:
    folder = service.folder / "data" / "videos"
    return [path for path in folder.rglob("*") if path.is_file()]
