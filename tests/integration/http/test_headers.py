"""Headers that clients expect."""

import asyncio
import gzip
import json

import httpx
import pytest

from tests.integration.http.service import PHOTO


async def test_the_headers_show_a_guests_remaining_quota(service):
    guest = await service.client()
    told = []
    for _ in range(4):
        answer = await service.detect(guest)
        told.append([answer.headers[f"RateLimit-{name}"] for name in ("Limit", "Remaining")])
        service.clock.advance(10)
    assert told == [["3", "2"], ["3", "1"], ["3", "0"], ["3", "0"]]
    assert answer.status_code == 429
    assert answer.headers["RateLimit-Reset"] == answer.headers["Retry-After"] == "86370"


async def test_users_get_no_rate_limit_headers(service):
    alice = await service.signed_in()
    answer = await service.detect(alice)
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("ratelimit")]


async def test_long_lists_are_compressed_if_accepted(service):
    alice = await service.signed_in()
    for number in range(5):
        await service.stored(alice, name=f"{number}.jpg")
    squeezed = await alice.get("/api/history", headers={"Accept-Encoding": "gzip"})
    assert squeezed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in squeezed.headers["Vary"]
    plain = await alice.get("/api/history", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert squeezed.json() == plain.json()
    assert len(gzip.compress(plain.content, 1)) < len(plain.content) / 2


@pytest.mark.parametrize(
    "refusing", ["gzip;q=0", "gzip; q=0.000", "br, GZIP;Q=0", "gzip;q=0, identity", "x-gzip ;q=0"]
)
async def test_a_coding_of_weight_zero_is_refused(service, refusing):
    client = await service.client(headers={"Accept": "text/html"})
    for path in ("/", "/docs/openapi.json"):
        answer = await client.get(path, headers={"Accept-Encoding": refusing})
        assert "Content-Encoding" not in answer.headers, path
        for accepting in ("gzip;q=0.1", "gzip, *;q=0", "identity;q=0, gzip;q=1"):
            answer = await client.get(path, headers={"Accept-Encoding": accepting})
            assert answer.headers["Content-Encoding"] == "gzip", (path, accepting)


async def test_tokens_images_and_results_are_never_compressed(service):
    alice = await service.signed_in()
    alice.headers["Accept-Encoding"] = "gzip"
    detection_id = await service.stored(alice)
    refused = await alice.post("/auth/verify-token", json={"id_token": "x" * 4000})
    image = await alice.get(f"/api/images/{detection_id}")
    files = [("files", (f"{n}.jpg", PHOTO, "image/jpeg")) for n in range(6)]
    batch = await alice.post("/api/detect/batch", files=files)
    for answer in (refused, image, batch):
        assert "Content-Encoding" not in answer.headers
    events = [line for line in batch.text.splitlines() if line.startswith("data: ")]
    assert {json.loads(line[6:])["status"] for line in events} == {"completed"}


async def test_browsers_cache_the_page_and_revalidate_it(service):
    client = await service.client()
    browser = {"Accept": "text/html", "Accept-Encoding": "gzip"}
    page = await client.get("/", headers=browser)
    assert page.headers["Cache-Control"] == "no-cache"
    assert page.headers["Content-Encoding"] == "gzip"
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    kept = {**browser, "If-None-Match": page.headers["ETag"]}
    again = await client.get("/", headers=kept)
    assert again.status_code == 304
    # The headers of a 304 replace those that were kept.
    assert again.headers["Content-Security-Policy"] == page.headers["Content-Security-Policy"]


async def test_files_of_the_page_have_their_media_types_and_no_other_file_is_served(service):
    client = await service.client()
    for name, kind in {
        "js/main.js": "text/javascript",
        "css/base.css": "text/css",
        "icon.svg": "image/svg+xml",
    }.items():
        answer = await client.get(f"/web/{name}")
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith(kind)
    for name in ("index.html", "../routes.py", "%2e%2e/routes.py", "js", "package.json"):
        assert (await client.get(f"/web/{name}")).status_code == 404


async def test_answers_for_one_caller_are_not_cached(service):
    alice = await service.signed_in()
    detection_id = await service.stored(alice)
    status = await alice.get(f"/api/detect/status/{detection_id}")
    record = await alice.get(f"/api/history/{detection_id}")
    for answer in (await service.detect(alice), status, record):
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-store"


async def test_answers_vary_by_origin(service):
    guest = await service.client()
    for origin in ("https://elsewhere.example", "http://localhost:3000"):
        answer = await guest.get("/auth/usage", headers={"Origin": origin})
        allowed = answer.headers.get("Access-Control-Allow-Origin")
        assert allowed == (origin if origin.startswith("http://localhost") else None)
        assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize("pieces", [1, 1000])
async def test_an_address_may_have_other_characters_than_ascii(service, pieces):
    alice = await service.signed_in()
    await service.stored(alice, name="Café ☕.jpg")
    await service.stored(alice, name="photo.jpg")
    address = httpx.URL(service.url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    request = (
        "GET /api/history?keyword=café&x=☕ HTTP/1.1\r\nHost: x\r\nX-Name: ☕\r\n"
        f"Authorization: {alice.headers['Authorization']}\r\nConnection: close\r\n\r\n"
    ).encode()
    step = -(-len(request) // pieces)
    for at in range(0, len(request), step):
        writer.write(request[at : at + step])
        await asyncio.sleep(0)
    async with asyncio.timeout(60):
        answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"x-total-count: 1\r\n" in answer.lower()
