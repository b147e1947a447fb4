"""Recorded video over HTTP."""

import asyncio
import csv
import io
import json
import os
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pandas
import pytest

from adapters.in_memory import InMemoryVideoReader, fake_image, fake_video
from domain.emotion import Emotion
from domain.errors import InvalidVideo
from tests.integration.http.service import Service, running_service

OPEN_FILES = Path("/proc/self/fd")
HAPPY = ((20, 40, 120, 150), Emotion.HAPPY)
SAD = ((420, 60, 110, 140), Emotion.SAD)
CLIP = fake_video(
    (number / 10, fake_image(HAPPY) if number < 20 else fake_image(HAPPY, SAD))
    for number in range(41)
)


async def send(
    client: httpx.AsyncClient, content: bytes = CLIP, name: str = "clip.mp4", **fields: str
) -> httpx.Response:
    return await client.post("/api/videos", files={"file": (name, content)}, data=fields)


async def sent(client: httpx.AsyncClient, content: bytes = CLIP, **fields: str) -> dict[str, Any]:
    answer = await send(client, content, **fields)
    assert answer.status_code == 202, answer.text
    video = dict(answer.json())
    assert answer.headers["Location"] == f"/api/videos/{video['video_id']}"
    return video


async def finished(client: httpx.AsyncClient, video_id: str) -> dict[str, Any]:
    """Wait until the work on a video has ended."""
    last: dict[str, Any] = {}
    async with client.stream("GET", f"/api/videos/{video_id}/events") as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                last = json.loads(line[6:])
    return last


async def done(service: Service, client: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    video = await sent(client, **fields)

    async def ended() -> dict[str, Any]:
        return dict((await client.get(f"/api/videos/{video['video_id']}")).json())

    for _ in range(2000):
        if (shown := await ended())["status"] in ("done", "failed"):
            return shown
    raise AssertionError("it never ends")


async def test_a_video_is_accepted_and_described(service: Service) -> None:
    client = await service.signed_in()
    video = await sent(client)
    assert video["status"] == "queued"
    assert (video["filename"], video["duration"], video["width"]) == ("clip.mp4", 4.0, 640)
    assert (video["progress"], video["error"], video["detection_id"]) == (0, None, None)


async def test_the_result_is_an_entry_of_the_history_with_a_timeline(service: Service) -> None:
    client = await service.signed_in()
    video = await done(service, client)
    assert (video["status"], video["progress"], video["remaining_seconds"]) == ("done", 1.0, 0)
    assert video["frames_analysed"] == 21
    entry = (await client.get(f"/api/history/{video['detection_id']}")).json()
    assert (entry["kind"], entry["filename"]) == ("video", "clip.mp4")
    assert entry["video"] == {"seconds_between_frames": 0.2, "unreadable": []}
    assert [t["tracking_id"] for t in entry["stream"]["tracks"]] == ["face_1", "face_2"]
    timeline = await client.get(f"/api/history/{video['detection_id']}/timeline.svg")
    assert timeline.headers["Content-Type"].startswith("image/svg+xml")
    listed = (await client.get("/api/history")).json()
    assert [each["detection_id"] for each in listed] == [video["detection_id"]]


async def test_the_events_end_with_the_work(service: Service) -> None:
    client = await service.signed_in()
    video = await done(service, client)
    assert (await finished(client, video["video_id"]))["status"] == "done"


async def test_the_events_end_with_the_token(service: Service) -> None:
    client = await service.signed_in()
    service.detector.hold()
    video = await sent(client)
    following = asyncio.create_task(finished(client, video["video_id"]))
    async with asyncio.timeout(20):
        while not following.done():
            service.clock.advance(300)
            await asyncio.sleep(0)
    assert following.result()["status"] in ("queued", "running")
    assert (await client.get(f"/api/videos/{video['video_id']}")).status_code == 401
    service.detector.release()


async def test_pandas_reads_the_table(service: Service) -> None:
    client = await service.signed_in()
    video = await done(service, client)
    answer = await client.get(f"/api/videos/{video['video_id']}/frames", params={"format": "csv"})
    assert answer.headers["Content-Type"].startswith("text/csv")
    table = pandas.read_csv(io.StringIO(answer.text))
    assert list(table.columns[:9]) == [
        "frame", "time", "face_id", "x", "y", "width", "height", "confidence", "reliable",
    ]  # fmt: skip
    assert table["reliable"].dtype == bool
    assert table.groupby("face_id")["frame"].count().to_dict() == {"face_1": 21, "face_2": 11}
    first = table[table["face_id"] == "face_1"]
    assert (first["dominant_emotion"] == "happy").all()
    assert first["time"].tolist() == pytest.approx([0.2 * number for number in range(21)])
    emotions = ["happy", "sad", "angry", "disgust", "fear", "surprise", "neutral"]
    assert table[emotions].sum(axis=1).tolist() == pytest.approx([1.0] * len(table), abs=1e-3)


async def test_the_table_is_the_same_in_every_format(service: Service) -> None:
    client = await service.signed_in()
    video = await done(service, client)
    path = f"/api/videos/{video['video_id']}/frames"
    rows = (await client.get(path)).json()
    lines = (await client.get(path, params={"format": "jsonl"})).text.splitlines()
    assert [json.loads(line) for line in lines] == rows
    table = (await client.get(path, params={"format": "csv"})).text.splitlines()
    named = list(csv.DictReader(table))
    assert [row["face_id"] for row in named] == [row["face_id"] for row in rows]
    assert [float(row["happy"]) for row in named] == [row["happy"] for row in rows]
    assert (await client.get(path, params={"format": "xml"})).status_code == 400


async def test_frames_are_read_only_when_there_is_room_for_records(service: Service) -> None:
    client = await service.signed_in()
    video = await done(service, client)
    path = f"/api/videos/{video['video_id']}/frames"
    async with AsyncExitStack() as others:
        for _ in range(3):
            semaphore = service.container.detection().record_semaphore()
            await others.enter_async_context(semaphore.hold("others"))
        download = asyncio.create_task(client.get(path))
        for _ in range(30):
            await client.get(f"/api/videos/{video['video_id']}")
        assert not download.done()
    assert len((await download).json()) > 0


async def test_the_request_chooses_the_analysed_frames(service: Service) -> None:
    client = await service.signed_in()
    fields = {"frames_per_second": "10", "from": "1.0", "to": "1.5"}
    video = await done(service, client, **fields)
    path = f"/api/videos/{video['video_id']}/frames"
    times = [row["time"] for row in (await client.get(path)).json()]
    assert times == pytest.approx([1.0, 1.1, 1.2, 1.3, 1.4, 1.5])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("frames_per_second", "31"),
        ("frames_per_second", "0"),
        ("frames_per_second", "0.0001"),
        ("frames_per_second", "many"),
        ("frames_per_second", "nan"),
        ("from", "-1"),
        ("to", "0"),
        ("from", "4.5"),
    ],
)
async def test_impossible_sampling_is_refused(service: Service, field: str, value: str) -> None:
    fields: dict[str, Any] = {field: value}
    answer = await send(await service.signed_in(), **fields)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert answer.json()["details"]["field"] == field


async def test_a_player_reads_the_file_in_ranges(service: Service) -> None:
    client = await service.signed_in()
    link = (await sent(client))["file_url"]
    stranger = await service.client()  # players send no token
    whole = await stranger.get(link)
    assert (whole.status_code, whole.content) == (200, CLIP)
    assert whole.headers["Content-Type"] == "video/mp4"
    assert whole.headers["Accept-Ranges"] == "bytes"
    size = len(CLIP)
    for asked, start, end in (
        ("bytes=0-0", 0, 1),
        ("bytes=5-99", 5, 100),
        ("bytes=100-", 100, size),
        ("bytes=-10", size - 10, size),
        (f"bytes=-{size * 2}", 0, size),
        (f"bytes=7-{size * 2}", 7, size),
        ("Bytes=5-99", 5, 100),
    ):
        part = await stranger.get(link, headers={"Range": asked})
        assert part.status_code == 206, asked
        assert part.content == CLIP[start:end]
        assert part.headers["Content-Range"] == f"bytes {start}-{end - 1}/{size}"
        assert part.headers["Content-Length"] == str(end - start)
    behind = await stranger.get(link, headers={"Range": f"bytes={size}-"})
    assert behind.status_code == 416
    assert behind.headers["Content-Range"] == f"bytes */{size}"
    for nonsense in ("bytes=9-5", "lines=1-2", "bytes=-", "bytes=0-1,5-6"):
        assert (await stranger.get(link, headers={"Range": nonsense})).status_code == 200
    head = await stranger.head(link)
    assert head.headers["Content-Length"] == str(size)

    held = await stranger.get(link, headers={"If-None-Match": whole.headers["ETag"]})
    assert (held.status_code, held.content) == (304, b"")
    other = await stranger.get(link, headers={"If-None-Match": '"other"'})
    assert (other.status_code, other.content) == (200, CLIP)


async def test_a_link_opens_one_video_and_expires(service: Service) -> None:
    client = await service.signed_in()
    one, other = await sent(client), await sent(client)
    query = one["file_url"].partition("?")[2]
    assert (await client.get(f"/api/videos/{other['video_id']}/file?{query}")).status_code == 403
    assert (await client.get(f"/api/videos/{one['video_id']}/file")).status_code == 403
    service.clock.advance(3601)
    assert (await client.get(one["file_url"])).json()["code"] == "invalid_link"


async def test_deleting_a_video_erases_everything_of_it(service: Service) -> None:
    client = await service.signed_in()
    video = await done(service, client)
    path = f"/api/videos/{video['video_id']}"
    assert (await client.delete(path)).status_code == 204
    for gone in (path, f"{path}/events", f"{path}/frames", f"/api/history/{video['video_id']}"):
        assert (await client.get(gone)).status_code == 404, gone
    assert (await client.get(video["file_url"])).status_code == 404
    assert (await client.delete(path)).status_code == 404
    assert len(service.video_files) == 0


@pytest.mark.parametrize("erase", ["/api/history/{id}", "/api/history"])
async def test_erasing_the_history_erases_videos(service: Service, erase: str) -> None:
    client = await service.signed_in()
    video = await done(service, client)
    answer = await client.delete(erase.format(id=video["video_id"]))
    assert answer.status_code in (200, 204)
    if answer.status_code == 200:
        assert answer.json() == {"deleted": 1}
    assert (await client.get(f"/api/videos/{video['video_id']}")).status_code == 404
    assert len(service.video_files) == 0
    assert (await client.get("/api/history")).json() == []


async def test_videos_that_are_not_done_are_listed_newest_first(service: Service) -> None:
    client = await service.signed_in()
    finished = await done(service, client)
    service.detector.hold()
    first = await sent(client)
    service.clock.advance(1)
    second = await sent(client)
    listed = (await client.get("/api/videos")).json()
    assert [each["video_id"] for each in listed] == [second["video_id"], first["video_id"]]
    assert {each["status"] for each in listed} <= {"queued", "running"}
    assert finished["video_id"] not in str(listed)
    assert (await (await service.signed_in("bob@example.com")).get("/api/videos")).json() == []
    assert (await (await service.client()).get("/api/videos")).status_code == 401
    service.detector.release()


async def test_other_users_cannot_see_a_video(service: Service) -> None:
    video = await sent(await service.signed_in("alice@example.com"))
    bob, path = await service.signed_in("bob@example.com"), f"/api/videos/{video['video_id']}"
    for answer in (
        await bob.get(path),
        await bob.get(f"{path}/events"),
        await bob.get(f"{path}/frames"),
        await bob.delete(path),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_guests_may_not_send_videos(service: Service) -> None:
    answer = await send(await service.client())
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")


async def test_a_file_that_is_not_a_video_is_refused(service: Service) -> None:
    client = await service.signed_in()
    answer = await send(client, b"\x89PNG\r\n")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_video")
    assert (await send(client, b"")).json()["code"] == "invalid_video"
    missing = await client.post("/api/videos", files={"video": ("clip.mp4", CLIP)})
    assert missing.json()["code"] == "missing_file"


@pytest.mark.skipif(not OPEN_FILES.exists(), reason="open files are counted in /proc")
async def test_a_refused_video_does_not_stay_on_the_disk(service: Service) -> None:
    def without_a_name() -> int:
        links = [os.readlink(each) for each in OPEN_FILES.iterdir() if each.is_symlink()]
        return sum(link.endswith("(deleted)") for link in links)

    client, before = await service.signed_in(), without_a_name()
    # The reader keeps its error, which refers to all that was going on when it was raised.
    reader = service.container.video().video_reader()
    assert isinstance(reader, InMemoryVideoReader)
    reader.fail_with(InvalidVideo("it is damaged"))
    assert (await send(client, bytes(3 * 2**20))).status_code == 400
    await service.until(lambda: without_a_name() == before)


async def test_too_many_videos_are_refused_before_the_body_is_read(service: Service) -> None:
    client = await service.signed_in()
    service.detector.hold()
    for _ in range(5):
        await sent(client)
    answer = await send(client)
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_videos")
    assert answer.headers["Retry-After"] == "60"
    assert answer.json()["details"] == {"retry_after": 60, "limit": 5, "remaining": 0}
    service.detector.release()


async def test_the_limits_of_videos_are_settings() -> None:
    async with running_service(max_video_mb=1, max_video_minutes=0.05) as service:
        client = await service.signed_in()
        long = await send(client)
        assert (long.status_code, long.json()["code"]) == (413, "video_too_long")
        large = await send(client, bytes(2**20 + 1))
        assert (large.status_code, large.json()["code"]) == (413, "video_too_large")
        larger = await send(client, bytes(3 * 2**20))
        assert (larger.status_code, larger.json()["code"]) == (413, "video_too_large")


async def test_a_video_that_fails_says_why_as_a_problem(service: Service) -> None:
    client = await service.signed_in()
    service.detector.hold()
    await sent(client)  # in work
    waiting = await sent(client)
    service.video_files._files.clear()
    service.detector.release()
    for _ in range(2000):
        shown = (await client.get(f"/api/videos/{waiting['video_id']}")).json()
        if shown["status"] == "failed":
            break
    assert shown["error"]["code"] == "not_found"
    assert shown["error"]["instance"] == f"/api/videos/{waiting['video_id']}"
