"""Detecting on one image, and files that are refused."""

import asyncio
import base64
import tempfile
from collections.abc import AsyncIterator
from datetime import datetime
from uuid import UUID

import httpx
import pytest
from structlog.testing import capture_logs

from adapters.in_memory import fake_image
from application.errors import InferenceUnavailable, StoreCircuitOpen, StoreUnavailable
from domain.emotion import Emotion
from tests.integration.http.service import PHOTO, running_service

FIVE_MIB = 5 * 1024 * 1024
EMOTIONS = {"happy", "sad", "angry", "disgust", "fear", "surprise", "neutral"}
NAMELESS = (
    b'--b\r\nContent-Disposition: form-data; name="file"\r\nContent-Type: %s\r\n\r\n%s\r\n--b--\r\n'
)


def _encoded(encoding: bytes, content: bytes) -> bytes:
    """A form whose part says how its content is encoded."""
    names = b"image/jpeg\r\nContent-Transfer-Encoding: " + encoding
    return NAMELESS % (names, content)


async def test_an_image_is_answered_with_faces_and_all_seven_emotions(service):
    alice = await service.signed_in()
    answer = await service.detect(alice, name="holiday.jpg")
    assert answer.status_code == 200
    body = answer.json()
    assert UUID(body["detection_id"])
    assert body["user_id"] == "user:alice@example.com"
    assert datetime.fromisoformat(body["timestamp"]).tzinfo is not None
    assert body["filename"] == "holiday.jpg"
    assert body["image_url"] is None
    assert body["image"] == {"width": 640, "height": 480}
    results = body["detection_results"]
    assert results.keys() == {"faces", "face_detected", "processing_time"}
    assert results["face_detected"] is True
    first, second = results["faces"]
    assert first["box"] == [10, 20, 100, 120]
    assert (first["dominant_emotion"], second["dominant_emotion"]) == ("happy", "sad")
    assert 0 <= first["detection_confidence"] <= 1
    assert first["quality"].keys() == {"sharpness", "brightness", "size_px"}
    assert first["reliable"] is True
    for face in (first, second):
        assert {score["emotion"] for score in face["emotions"]} == EMOTIONS
        scores = [score["score"] for score in face["emotions"]]
        assert scores == sorted(scores, reverse=True)
        assert sum(scores) == pytest.approx(1)
        for score in face["emotions"]:
            assert score["percentage"] == pytest.approx(100 * score["score"])


async def test_an_image_without_a_face_is_an_empty_list(service):
    answer = await service.detect(await service.client(), image=fake_image())
    assert answer.status_code == 200
    assert answer.json()["detection_results"]["faces"] == []
    assert answer.json()["detection_results"]["face_detected"] is False


async def test_the_name_of_a_file_loses_folders_and_unprintable_characters(service):
    client = await service.signed_in()
    for sent, kept in (
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\photo.jpg", "photo.jpg"),
        ("Käsekuchen 🎂.png", "Käsekuchen 🎂.png"),
        ("a" * 5000 + ".jpg", "a" * 251 + ".jpg"),
    ):
        answer = await service.detect(client, name=sent)
        assert answer.json()["filename"] == kept


@pytest.mark.parametrize(
    "image", [b"", b"no image at all", PHOTO[:-5], b"<svg xmlns='http://www.w3.org/2000/svg'/>"]
)
async def test_a_file_that_is_not_an_image_is_400_invalid_image(service, image):
    answer = await service.detect(await service.client(), image=image)
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_image"


async def test_too_many_pixels_are_413(service):
    huge = fake_image(width=30_000, height=30_000)
    answer = await service.detect(await service.client(), image=huge)
    assert answer.status_code == 413
    assert answer.json()["code"] == "image_dimensions_too_large"


@pytest.mark.parametrize("extra", [1, 100_000, 3 * FIVE_MIB])
async def test_a_file_over_5_mib_is_413(service, extra):
    answer = await service.detect(await service.client(), image=b"x" * (FIVE_MIB + extra))
    assert answer.status_code == 413
    assert answer.json()["code"] == "image_too_large"
    assert answer.json()["details"] == {"limit": FIVE_MIB}


async def test_a_file_of_exactly_5_mib_is_accepted(service):
    answer = await service.detect(await service.client(), image=b"x" * FIVE_MIB)
    assert answer.json()["code"] == "invalid_image"


async def test_a_length_declared_over_the_limit_is_refused_before_the_body_is_sent(service):
    host, port = service.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"POST /api/detect HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n"
        b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
    )
    async with asyncio.timeout(20):
        status_line = await reader.readline()
    assert b"413" in status_line
    writer.close()


async def test_a_body_of_unknown_length_is_cut_off_at_the_limit(service):
    sent = 0

    async def endless():
        nonlocal sent
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
        while sent < 10 * FIVE_MIB:
            sent += 65536
            yield b"x" * 65536

    client = await service.client()
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    try:
        answer = await client.post("/api/detect", content=endless(), headers=headers)
        assert answer.status_code == 413
        assert answer.json()["code"] == "image_too_large"
    except httpx.WriteError:
        pass  # the service may also have disconnected while the client was sending
    usage = await (await service.client()).get("/auth/usage")
    assert usage.status_code == 200


@pytest.mark.parametrize(
    "form",
    [
        {"files": {"photo": ("a.jpg", PHOTO)}},
        {"files": {"file": (None, "only text")}},
        {"files": {"file": ("", b"")}},
        {"data": {"file": "x"}},
        {},
    ],
)
async def test_a_form_without_the_file_is_400_missing_file(service, form):
    answer = await (await service.client()).post("/api/detect", **form)
    assert answer.status_code == 400
    assert answer.json()["code"] == "missing_file"
    assert answer.json()["details"] == {"field": "file"}


async def test_other_fields_beside_the_file_are_ignored(service):
    client = await service.client()
    files = {"note": (None, "hello"), "file": ("a.jpg", PHOTO), "other": ("b.jpg", b"x")}
    assert (await client.post("/api/detect", files=files)).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"json": {"file": "x"}},
        {"content": PHOTO, "headers": {"Content-Type": "image/jpeg"}},
    ],
)
async def test_another_content_type_is_415(service, body):
    answer = await (await service.client()).post("/api/detect", **body)
    assert answer.status_code == 415
    assert answer.json()["code"] == "unsupported_media_type"


@pytest.mark.parametrize(
    ("content_type", "content"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b"no part at all"),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-da"),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\nx\r\n--b--\r\n"),
        ("multipart/form-data; boundary=b", b""),
        ("multipart/form-data; boundary=b", NAMELESS % (b"text/plain; charset=no-such", b"x")),
    ],
)
async def test_a_broken_form_is_400(service, content_type, content):
    client = await service.client()
    answer = await client.post(
        "/api/detect", content=content, headers={"Content-Type": content_type}
    )
    assert answer.status_code == 400
    assert answer.json()["code"] in {"invalid_request", "missing_file"}


@pytest.mark.parametrize(
    ("disposition", "kept"),
    [
        (b'; filename="%s"' % "Café München.jpg".encode(), "Café München.jpg"),
        (b'; filename="%s"' % "Café München.jpg".encode("cp1252"), "Café München.jpg"),
        (b'; filename="%s"' % "写真の猫.jpg".encode("cp932"), "写真の猫.jpg"),
        (b'; filename="%s"' % "Фото.jpg".encode("cp1251"), "Фото.jpg"),
        (b'; filename="%s"' % "«МОИ фото» – №1.jpg".encode("cp1251"), "«МОИ фото» – №1.jpg"),
        (b'; filename="%s"' % "照片.jpg".encode("gb18030"), "照片.jpg"),
        (b'; filename="%s"' % "我的照片 2.jpg".encode("gb18030"), "我的照片 2.jpg"),
        (b'; filename="%s"' % "Cafe\u0301.jpg".encode(), "Café.jpg"),
        (b'; filename="=?utf-8?B?Q2Fmw6kuanBn?="', "Café.jpg"),
        (b'; filename="=?iso-8859-1?Q?Caf=E9.jpg?="', "Café.jpg"),
        (b'; filename="Caf%C3%A9%20M.jpg"', "Café M.jpg"),
        (b'; filename="100% of %22all%22.jpg"', '100% of "all".jpg'),
        (b'; filename="say \\"cheese\\".jpg"', 'say "cheese".jpg'),
        (b"; filename*=utf-8''Caf%C3%A9.jpg", "Café.jpg"),
        (b"; filename=\"x.jpg\"; filename*=iso-8859-1'de'M%FCnchen.jpg", "München.jpg"),
        (b"; filename=\"x.jpg\"; filename*=no-such''M%FC", "x.jpg"),
        (b"; filename*=no-such''Caf%C3%A9.jpg", "Café.jpg"),
        (b"; filename*=%s" % "Café.jpg".encode(), "Café.jpg"),
        (b"; filename=plain.jpg", "plain.jpg"),
        (b'; filename*0="Caf"; filename*1="\xc3\xa9.jpg"', "Café.jpg"),
        (b"; filename*1=\"1.jpg\"; filename*0*=iso-8859-1''Caf%E9%20", "Café 1.jpg"),
        (b'; filename="&#29031;&#29255; &#9999999;.jpg"', "照片 &#9999999;.jpg"),
        (b'; filename=".."', None),
        (b"", None),
    ],
)
async def test_file_names_are_read_in_every_common_encoding(service, disposition, kept):
    alice = await service.signed_in()
    part = (
        b'--b\r\nContent-Disposition: form-data; name="file"%s\r\nContent-Type: image/jpeg\r\n\r\n'
    )
    answer = await alice.post(
        "/api/detect",
        content=part % disposition + PHOTO + b"\r\n--b--\r\n",
        headers={"Content-Type": "multipart/form-data; boundary=b"},
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["filename"] == kept


async def test_a_decomposed_name_is_found_by_a_composed_keyword_and_the_converse(service):
    alice = await service.signed_in()
    await service.stored(alice, name="Cafe\u0301.jpg")
    for word in ("caf\u00e9", "cafe\u0301"):
        answer = await alice.get("/api/history", params={"keyword": word})
        assert answer.headers["X-Total-Count"] == "1"


@pytest.mark.parametrize(
    ("content", "code", "told"),
    [
        (b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n", "missing_file", "no name"),
        (
            b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\nx\r\n' * 1001 + b"--b--\r\n",
            "invalid_request",
            "1000 parts",
        ),
        (
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n'
            b"x\r\n--b--\r\n" % (b"a" * 20_000),
            "invalid_request",
            "name of a file",
        ),
        (
            b'--b\nContent-Disposition: form-data; name="file"\n\nx\n--b--\n',
            "invalid_request",
            "LF",
        ),
        (b"--b\r\nContent-Type: image/jpeg\r\n\r\nx\r\n--b--\r\n", "missing_file", "no name"),
        (
            NAMELESS.replace(b'"file"', b'"file"; filename=""') % (b"x/y", b""),
            "missing_file",
            "chosen",
        ),
        (_encoded(b"x-uuencode", b"x"), "invalid_request", "x-uuencode"),
        (_encoded(b"base64", b"\xff\xd8"), "invalid_request", "base64"),
    ],
)
async def test_errors_in_a_form_are_explained(service, content, code, told):
    client = await service.client()
    answer = await client.post(
        "/api/detect",
        content=content,
        headers={"Content-Type": "multipart/form-data; boundary=b"},
    )
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert told in answer.json()["detail"]


@pytest.mark.parametrize(
    ("written", "boundary"),
    [
        ('"b"', b"b"),
        ("b;", b"b"),
        ("----=_Part_1_2.3", b"----=_Part_1_2.3"),
        ("'b(c)'", b"'b(c)'"),
        ('"a b:c"; charset=utf-8', b"a b:c"),
    ],
)
async def test_a_boundary_may_have_any_characters(service, written, boundary):
    form = (NAMELESS % (b"image/jpeg", PHOTO)).replace(b"--b", b"--" + boundary)
    client = await service.client()
    content_type = f"Multipart/Form-Data; Boundary={written}"
    answer = await client.post("/api/detect", content=form, headers={"Content-Type": content_type})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("length", [0, 5, len(PHOTO), 10**9])
async def test_a_part_may_have_another_disposition_and_any_headers(service, length):
    headers = b"image/jpeg\r\nContent-Length: %d\r\n" % length
    headers += b"".join(b"X-%d: 1\r\n" % number for number in range(20))
    form = NAMELESS.replace(b"form-data;", b"attachment;") % (headers.rstrip(), PHOTO)
    client = await service.client(headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert (await client.post("/api/detect", content=form)).status_code == 200


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        (b"binary", PHOTO),
        (b"8BIT", PHOTO),
        (b"base64", base64.b64encode(PHOTO)),
        (b"Base64", base64.encodebytes(PHOTO).replace(b"\n", b"\r\n")),
        (b"base64", base64.b64encode(PHOTO).rstrip(b"=")),
    ],
)
@pytest.mark.parametrize("chunk_bytes", [10, 10_000])
async def test_a_part_may_name_its_transfer_encoding(service, encoding, content, chunk_bytes):
    form = _encoded(encoding, content)

    async def sent() -> AsyncIterator[bytes]:
        for at in range(0, len(form), chunk_bytes):
            yield form[at : at + chunk_bytes]

    client = await service.client(headers={"Content-Type": "multipart/form-data; boundary=b"})
    answer = await client.post("/api/detect", content=sent())
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["detection_results"]["faces"]) == 2


@pytest.mark.parametrize("path", ["/api/detect", "/auth/verify-token"])
async def test_a_compressed_body_is_415_and_says_why(service, path):
    client = await service.client()
    kind = "application/json" if path.startswith("/auth") else "multipart/form-data; boundary=b"
    answer = await client.post(
        path, content=b"x", headers={"Content-Type": kind, "Content-Encoding": "gzip"}
    )
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert "Content-Encoding" in answer.json()["detail"]


async def test_a_temporary_folder_without_room_is_503(service, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", "/dev/full")
    client = await service.client()
    answer = await service.detect(client, image=bytes(3_000_000))
    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
    assert answer.headers["Retry-After"]


async def test_no_free_place_is_503_with_retry_after():
    async with running_service(max_images_in_work=1) as service:
        alice = await service.signed_in()
        service.decoder.hold()
        first = asyncio.create_task(service.detect(alice))
        await service.until(lambda: service.container.detection().gate().taken == 1)
        answer = await service.detect(alice)
        assert answer.status_code == 503
        assert answer.json()["code"] == "overloaded"
        assert answer.headers["Retry-After"] == "1"
        assert answer.json()["details"] == {"retry_after": 1}
        assert (await alice.get("/healthz")).json() == {"status": "ok"}
        service.decoder.release()
        assert (await first).status_code == 200
        assert (await service.detect(alice)).status_code == 200


async def test_a_model_that_cannot_run_is_503(service):
    service.container.vision().face_detector().fail_with(InferenceUnavailable("no detector"))
    answer = await service.detect(await service.client())
    assert answer.status_code == 503
    assert answer.json()["code"] == "inference_unavailable"
    assert answer.headers["Retry-After"] == "5"


async def test_the_cause_of_a_503_is_logged_and_not_sent(service):
    failed = InferenceUnavailable("no detector")
    failed.__cause__ = OSError("https://me:hunter2@host/model is gone\nand a second line")
    service.container.vision().face_detector().fail_with(failed)
    with capture_logs() as logged:
        answer = await service.detect(await service.client())
    assert "gone" not in answer.text
    assert [each for each in logged if each["event"] == "unavailable"] == [
        {
            "log_level": "warning",
            "event": "unavailable",
            "code": "inference_unavailable",
            "problem": "no detector",
            "cause": "OSError: https://host/model is gone",
        }
    ]


async def test_an_open_circuit_is_not_logged_for_each_request(service):
    alice = await service.signed_in()
    left_alone = StoreCircuitOpen("the history does not answer")
    left_alone.__cause__ = TimeoutError()
    service.repository.fail_with(left_alone)
    with capture_logs() as logged:
        assert (await alice.get("/api/history")).status_code == 503
    assert [each["event"] for each in logged] == ["request"]


async def test_a_bug_is_500_without_details(service):
    service.decoder.fail_with(RuntimeError("/srv/secret/path: password=hunter2"))
    answer = await service.detect(await service.client())
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal_error"
    assert "hunter2" not in answer.text
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text


async def test_a_detection_is_pending_until_its_image_is_kept(service):
    alice = await service.signed_in()
    service.images.hold()
    detection_id = (await service.detect(alice)).json()["detection_id"]
    path = f"/api/detect/status/{detection_id}"
    assert (await alice.get(path)).json() == {"detection_id": detection_id, "status": "pending"}
    service.images.release()
    await service.kept(alice, detection_id)
    shown = (await alice.get(f"/api/history/{detection_id}")).json()
    assert shown["image_url"].startswith(f"{service.url}/api/images/{detection_id}?")


async def test_a_repository_that_is_down_does_not_delay_detection(service):
    alice = await service.signed_in()
    service.repository.fail_with(StoreUnavailable("the history does not answer"))
    answer = await service.detect(alice)
    assert answer.status_code == 200
    path = f"/api/detect/status/{answer.json()['detection_id']}"
    assert (await alice.get(path)).json()["status"] == "pending"
    assert (await alice.get("/api/history")).status_code == 503


async def test_an_unusable_spool_is_503_and_not_charged(service):
    alice = await service.signed_in()
    service.spool.fail_with(StoreUnavailable("the disk is full", retry_after_s=30))
    answer = await service.detect(alice)
    assert answer.status_code == 503
    assert answer.json()["code"] == "store_unavailable"
    assert answer.headers["Retry-After"] == "30"
    assert (await alice.get("/auth/usage")).json()["usage_count"] == 0


async def test_the_status_of_a_detection_is_for_its_owner(service):
    alice, bob = await service.signed_in(), await service.signed_in("bob@example.com")
    detection_id = await service.stored(alice)
    path = f"/api/detect/status/{detection_id}"
    assert (await bob.get(path)).status_code == 403
    unknown = "/api/detect/status/00000000-0000-4000-8000-000000000000"
    assert (await alice.get(unknown)).status_code == 404


async def test_the_largest_face_comes_first(service):
    image = fake_image(((0, 0, 70, 70), Emotion.SAD), ((100, 100, 200, 200), Emotion.FEAR))
    faces = (await service.detect(await service.client(), image=image)).json()
    boxes = [face["box"] for face in faces["detection_results"]["faces"]]
    assert boxes == [[100, 100, 200, 200], [0, 0, 70, 70]]
