"""Several images in one request, answered as they finish."""

import asyncio
import json

import pytest

from adapters.in_memory import fake_image
from application.errors import StoreUnavailable
from tests.integration.http.service import PHOTO, running_service

FIVE_MIB = 5 * 1024 * 1024


def batch(*files):
    return [("files", file) for file in files]


def events(text):
    assert text.endswith("\n\n") or text == ""
    return [json.loads(part.removeprefix("data: ")) for part in text.split("\n\n") if part]


async def test_every_file_of_a_batch_gets_one_event(service):
    alice = await service.signed_in()
    files = batch(("a.jpg", PHOTO), ("b.jpg", b"no image"), ("c.jpg", fake_image()))
    answer = await alice.post("/api/detect/batch", files=files)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    outcomes = {event["filename"]: event for event in events(answer.text)}
    assert outcomes.keys() == {"a.jpg", "b.jpg", "c.jpg"}
    assert outcomes["a.jpg"]["status"] == "completed"
    assert len(outcomes["a.jpg"]["detection_results"]["faces"]) == 2
    assert outcomes["c.jpg"]["detection_results"]["face_detected"] is False
    assert outcomes["b.jpg"].keys() == {"filename", "status", "error", "code"}
    assert outcomes["b.jpg"]["status"] == "error"
    assert outcomes["b.jpg"]["code"] == "invalid_image"
    for name in ("a.jpg", "c.jpg"):
        await service.kept(alice, outcomes[name]["detection_id"])
    assert (await alice.get("/api/history")).headers["X-Total-Count"] == "2"
    assert (await alice.get("/auth/usage")).json()["usage_count"] == 2


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("3.14.15\N{NARROW NO-BREAK SPACE}PM.png", None),
        ("a\N{NO-BREAK SPACE}b\N{IDEOGRAPHIC SPACE}c.png", None),
        ("\N{WOMAN}\N{ZERO WIDTH JOINER}\N{ROCKET}.png", None),
        ("نمی\N{ZERO WIDTH NON-JOINER}دانم.png", None),
        ("a\N{DELETE}b\N{NEXT LINE}c.png", "abc.png"),
        ("photo\N{RIGHT-TO-LEFT OVERRIDE}gnp.exe", "photognp.exe"),
        ("a\N{LEFT-TO-RIGHT ISOLATE}b\N{RIGHT-TO-LEFT MARK}.png", "ab.png"),
    ],
)
async def test_an_event_carries_the_cleaned_name_of_its_file(service, sent, kept):
    alice = await service.signed_in()
    answer = await alice.post("/api/detect/batch", files=batch((sent, PHOTO)))
    assert [event["filename"] for event in events(answer.text)] == [kept or sent]


async def test_events_are_framed_as_the_contract_says(service):
    alice = await service.signed_in()
    answer = await alice.post("/api/detect/batch", files=batch(("a.jpg", PHOTO)))
    assert answer.content.startswith(b"data: {")
    assert answer.content.endswith(b"}\n\n")
    assert b"\r" not in answer.content


async def test_a_file_is_answered_while_another_is_still_in_work(service):
    alice = await service.signed_in()
    slow = fake_image(width=10_001, height=1)
    arrived, go_on = asyncio.Event(), asyncio.Event()
    decode = service.decoder.decode

    async def decode_slowly(data, **options):
        if data == slow:
            arrived.set()
            await go_on.wait()
        return await decode(data, **options)

    service.decoder.decode = decode_slowly
    files = batch(("slow.jpg", slow), ("quick.jpg", PHOTO))
    async with alice.stream("POST", "/api/detect/batch", files=files) as answer:
        lines = answer.aiter_lines()
        first = json.loads((await anext(lines)).removeprefix("data: "))
        assert first["filename"] == "quick.jpg"
        assert arrived.is_set()
        go_on.set()
        rest = [line async for line in lines if line]
    assert [json.loads(line.removeprefix("data: "))["filename"] for line in rest] == ["slow.jpg"]


async def test_disconnecting_stops_unfinished_files(service):
    alice = await service.signed_in()
    decode, held = service.decoder.decode, fake_image(width=10_001, height=1)
    cancelled, begun = asyncio.Event(), asyncio.Semaphore(0)

    async def decode_or_hang(data, **options):
        if data != held:
            return await decode(data, **options)
        begun.release()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    service.decoder.decode = decode_or_hang
    files = batch(("quick.jpg", PHOTO), *[(f"{n}.jpg", held) for n in range(5)])
    async with alice.stream("POST", "/api/detect/batch", files=files) as answer:
        await anext(answer.aiter_lines())
        async with asyncio.timeout(20):
            for _ in range(2):
                await begun.acquire()
    async with asyncio.timeout(20):
        await cancelled.wait()
    await service.until(lambda: service.container.detection().gate().taken == 0)
    usage = (await alice.get("/auth/usage")).json()
    assert usage["usage_count"] == 3  # one is done, two were in work, the rest was never charged


async def test_an_error_in_one_file_does_not_affect_the_others(service):
    alice = await service.signed_in()
    decode, cursed = service.decoder.decode, fake_image(width=10_001, height=1)

    async def decode_or_break(data, **options):
        if data == cursed:
            raise RuntimeError("/srv/secret/path")
        return await decode(data, **options)

    service.decoder.decode = decode_or_break
    files = batch(("a.jpg", cursed), ("b.jpg", PHOTO))
    answer = await alice.post("/api/detect/batch", files=files)
    outcomes = {event["filename"]: event for event in events(answer.text)}
    assert outcomes["a.jpg"]["code"] == "internal_error"
    assert "secret" not in answer.text
    assert outcomes["b.jpg"]["status"] == "completed"


async def test_a_failing_store_is_reported_per_file(service):
    alice = await service.signed_in()
    service.spool.fail_with(StoreUnavailable("the disk is full"))
    files = batch(("a.jpg", PHOTO), ("b.jpg", PHOTO))
    answer = await alice.post("/api/detect/batch", files=files)
    assert [event["code"] for event in events(answer.text)] == ["store_unavailable"] * 2


async def test_a_file_over_5_mib_is_an_error_of_that_file_alone(service):
    alice = await service.signed_in()
    files = batch(("huge.jpg", b"x" * (FIVE_MIB + 1)), ("a.jpg", PHOTO))
    answer = await alice.post("/api/detect/batch", files=files)
    assert answer.status_code == 200
    outcomes = {event["filename"]: event for event in events(answer.text)}
    assert outcomes["huge.jpg"]["code"] == "image_too_large"
    assert outcomes["a.jpg"]["status"] == "completed"


async def test_one_file_more_than_allowed_is_400_batch_too_large(service):
    alice = await service.signed_in()
    files = batch(*[(f"{number}.jpg", PHOTO) for number in range(13)])
    answer = await alice.post("/api/detect/batch", files=files)
    assert answer.status_code == 400
    assert answer.json()["code"] == "batch_too_large"
    assert answer.json()["details"] == {"limit": 12}
    full = await alice.post("/api/detect/batch", files=files[:12])
    assert len(events(full.text)) == 12


async def test_a_form_with_hundreds_of_parts_is_refused(service):
    alice = await service.signed_in()
    files = batch(*[(f"{number}.jpg", b"x") for number in range(300)])
    answer = await alice.post("/api/detect/batch", files=files)
    assert answer.status_code == 400
    assert answer.json()["code"] == "batch_too_large"


@pytest.mark.parametrize("sizes", [[90_000] * 4, [1_000_000]])
async def test_a_batch_with_more_bytes_than_its_files_may_have_is_400_batch_too_large(sizes):
    async with running_service(max_batch_size=2, max_upload_bytes=100_000) as service:
        alice = await service.signed_in()
        files = batch(*[(f"{number}.jpg", b"x" * size) for number, size in enumerate(sizes)])
        answer = await alice.post("/api/detect/batch", files=files)
        assert answer.status_code == 400
        assert answer.json()["code"] == "batch_too_large"
        assert answer.json()["details"] == {"limit": 2}
        assert "2 files of 100000 bytes" in answer.json()["detail"]


@pytest.mark.parametrize("name", ["files[]", "files[{}]"])
async def test_a_list_may_be_marked_by_brackets(service, name):
    alice = await service.signed_in()
    sent = [(name.format(number), (f"{number}.jpg", PHOTO)) for number in range(2)]
    answer = await alice.post("/api/detect/batch", files=sent)
    assert answer.status_code == 200, answer.text
    assert answer.text.count('"completed"') == 2


@pytest.mark.parametrize(
    "form", [{"files": {"file": ("a.jpg", PHOTO)}}, {"files": {"files": (None, "text")}}, {}]
)
async def test_a_batch_without_files_is_400_missing_file(service, form):
    alice = await service.signed_in()
    answer = await alice.post("/api/detect/batch", **form)
    assert answer.status_code == 400
    assert answer.json()["code"] == "missing_file"


async def test_a_batch_without_a_free_place_is_503():
    async with running_service(max_images_in_work=1) as service:
        alice = await service.signed_in()
        service.decoder.hold()
        first = asyncio.create_task(service.detect(alice))
        await service.until(lambda: service.container.detection().gate().taken == 1)
        answer = await alice.post("/api/detect/batch", files=batch(("a.jpg", PHOTO)))
        assert answer.status_code == 503
        assert answer.json()["code"] == "overloaded"
        assert answer.headers["Retry-After"] == "1"
        service.decoder.release()
        await first


async def test_a_guest_is_refused_before_the_files_are_read(service):
    host, port = service.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"POST /api/detect/batch HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50000000\r\n"
        b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
    )
    async with asyncio.timeout(20):
        assert b"401" in await reader.readline()
    writer.close()
    await writer.wait_closed()
