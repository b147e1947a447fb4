"""Recorded video in a real service: kills, limits and hostile files."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from tests import clips
from tests.e2e.calls import history
from tests.e2e.quick_start import QuickStart
from tests.e2e.service_process import ServiceProcess
from tests.e2e.stacks import Stack
from tests.e2e.videos import RATE, SECONDS, ended, got_on, send, shown

KILLS = 10
SEED = 2508


@pytest.fixture
async def embedded(tmp_path: Path, embedded_stack: Stack) -> AsyncIterator[ServiceProcess]:
    service = QuickStart(tmp_path, embedded_stack)
    yield service
    await service.close()


async def test_kills_during_analysis_neither_lose_nor_duplicate_frames(
    embedded: ServiceProcess, interview: bytes
) -> None:
    chance = random.Random(SEED)
    await embedded.start()
    token = (await embedded.sign_in())["access_token"]
    async with embedded.client(token) as client:
        sent = [
            (await send(client, interview, frames_per_second="5")).json()["video_id"]
            for _ in range(2)
        ]
    for _ in range(KILLS):
        async with embedded.client(token) as client:
            await got_on(client, sent[0], chance.randrange(1, 9))
        await embedded.kill()
        await embedded.start()
    async with embedded.client(token) as client:
        for video_id in sent:
            video = await ended(client, video_id)
            assert (video["status"], video["frames_analysed"]) == ("done", SECONDS * RATE)
            rows = (await client.get(f"/api/videos/{video_id}/frames")).json()
            assert [row["frame"] for row in rows] == list(range(SECONDS * RATE))
            assert {row["face_id"] for row in rows} == {"face_1", None}
            seen = [row["time"] for row in rows if row["face_id"]]
            assert max(seen) == pytest.approx(SECONDS * 2 / 3, abs=1 / RATE + 0.01)
            file = (await client.get(video["file_url"])).content
            assert file == interview
        entries = await history(client)
        assert sorted(entry["detection_id"] for entry in entries) == sorted(sent)
        assert {entry["stream"]["tracks"][0]["frames"] for entry in entries} == {
            SECONDS * RATE * 2 // 3
        }


async def test_deleting_stops_the_work_within_a_second_and_removes_all_files(
    embedded: ServiceProcess, interview: bytes
) -> None:
    await embedded.start()
    async with await embedded.user() as client:
        video_id = (await send(client, interview, frames_per_second="30")).json()["video_id"]
        waiting = (await send(client, interview)).json()["video_id"]
        await got_on(client, video_id, 1)
        assert (await client.delete(f"/api/videos/{video_id}")).status_code == 204
        # Once it has ended, the next one is analysed.
        async with asyncio.timeout(10):
            while (await shown(client, waiting))["status"] == "queued":  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert (await client.get(f"/api/videos/{video_id}")).status_code == 404
        assert (await client.delete(f"/api/videos/{waiting}")).status_code == 204
        assert await history(client) == []
    left = [path for path in (embedded.folder / "data" / "videos").rglob("*") if path.is_file()]
    assert left == []


async def test_hostile_files_are_refused_or_read_and_the_service_continues(
    service: ServiceProcess, interview: bytes, tmp_path: Path
) -> None:
    playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
    script = b"ffconcat version 1.0\nfile /etc/passwd\n"
    sound = clips.write_sound(tmp_path / "sound.mp4").read_bytes()
    bomb = clips.write_clip(
        tmp_path / "bomb.mkv", [(0.0, np.zeros((4400, 4400, 3), np.uint8))]
    ).read_bytes()
    claiming = clips.write_clip(tmp_path / "claiming.mp4", clips.numbered(30))
    refused = {
        "playlist.mp4": (playlist, "invalid_video"),
        "script.mkv": (script, "invalid_video"),
        "nothing.mp4": (b"", "invalid_video"),
        "picture.mp4": (b"\x89PNG\r\n\x1a\n" + bytes(1000), "invalid_video"),
        "box.mp4": (b"\x00\x00\x00\x18ftypisom" + bytes(5000), "invalid_video"),
        "sound.mp4": (sound, "invalid_video"),
        "cut off.mp4": (interview[: len(interview) // 2], "invalid_video"),
        "millions.mp4": (
            clips.claiming_samples(claiming, 80_000_000).read_bytes(),
            "invalid_video",
        ),
        "bomb.mkv": (bomb, "video_too_large"),
    }
    async with await service.user() as client:
        for name, (content, code) in refused.items():
            answer = await send(client, content, name)
            assert answer.json()["code"] == code, name
        # The name does not reveal the format.
        taken = await send(client, interview, "notes.txt", frames_per_second="1", to="3")
        assert taken.status_code == 202
        assert (await ended(client, taken.json()["video_id"]))["status"] == "done"
        assert (await client.get("/healthz")).json() == {"status": "ok"}
        assert (await client.delete("/api/history")).status_code == 200


async def test_a_false_duration_in_the_header_does_not_pass_the_limit(
    embedded: ServiceProcess, interview: bytes
) -> None:
    embedded.environment["MAX_VIDEO_MINUTES"] = "0.1"
    await embedded.start()
    async with await embedded.user() as client:
        honest = await send(client, interview)
        assert (honest.status_code, honest.json()["code"]) == (413, "video_too_long")
        liar = bytearray(interview)
        # The durations of movie, track and media follow two times and a scale, or an id.
        for box, offset in ((b"mvhd", 20), (b"tkhd", 24), (b"mdhd", 20)):
            at = liar.index(box) + offset
            liar[at : at + 4] = (1).to_bytes(4, "big")
        answer = await send(client, bytes(liar))
        if answer.status_code == 202:
            video = await ended(client, answer.json()["video_id"])
            assert (video["status"], video["error"]["code"]) == ("failed", "video_too_long")
        else:
            assert answer.json()["code"] in ("video_too_long", "invalid_video")
        assert await history(client) == []


async def test_a_guest_may_not_send_videos(service: ServiceProcess, interview: bytes) -> None:
    async with service.client() as guest:
        answer = await send(guest, interview)
        assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
