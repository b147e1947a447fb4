"""Signed links to images, for an `<img>` of any origin."""

import asyncio
import csv
import io
from urllib.parse import parse_qs, urlsplit

import pytest

from adapters.in_memory import fake_image
from tests.integration.http.service import PHOTO, running_service


async def image_url(client, detection_id, **options):
    answer = await client.get(f"/api/history/{detection_id}", **options)
    assert answer.status_code == 200, answer.text
    return answer.json()["image_url"]


async def test_an_image_url_opens_without_a_token_from_any_origin(service):
    alice, anybody = await service.signed_in(), await service.client()
    png = fake_image(media_type="image/png")
    detection_id = (await service.detect(alice, image=png)).json()["detection_id"]
    await service.kept(alice, detection_id)
    url = await image_url(alice, detection_id)
    assert url.startswith(f"{service.url}/api/images/{detection_id}?")
    answer = await anybody.get(url, headers={"Origin": "https://elsewhere.example"})
    assert answer.content == png
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["Content-Disposition"] == "inline"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    held = {"If-None-Match": answer.headers["ETag"]}
    assert (await anybody.get(url, headers=held)).status_code == 304
    assert (await anybody.head(url)).status_code == 200


async def test_a_link_does_not_reveal_the_owner(service):
    alice = await service.signed_in()
    url = await image_url(alice, await service.stored(alice))
    assert "alice" not in url
    token = alice.headers["Authorization"].removeprefix("Bearer ")
    assert not any(part in url for part in token.split("."))
    assert parse_qs(urlsplit(url).query).keys() == {"expires", "signature"}


async def test_a_link_expires_and_every_answer_has_a_fresh_one(service):
    alice, anybody = await service.signed_in(), await service.client()
    detection_id = await service.stored(alice)
    url = await image_url(alice, detection_id)
    service.clock.advance(3599)
    assert (await anybody.get(url)).status_code == 200
    service.clock.advance(1)
    ended = await anybody.get(url)
    assert (ended.status_code, ended.json()["code"]) == (403, "invalid_link")
    assert "expired" in ended.json()["detail"]
    (listed,) = (await alice.get("/api/history")).json()
    assert (await anybody.get(listed["image_url"])).content == PHOTO


async def test_lists_and_exports_have_working_links(service):
    alice, anybody = await service.signed_in(), await service.client()
    await service.stored(alice)
    (listed,) = (await alice.get("/api/history")).json()
    (exported,) = (await alice.get("/api/history/export")).json()
    table = (await alice.get("/api/history/export?format=csv")).text
    row = next(csv.DictReader(io.StringIO(table.lstrip("\ufeff"))))
    for url in (listed["image_url"], exported["image_url"], row["image_url"]):
        assert (await anybody.get(url)).content == PHOTO


async def test_a_link_opens_one_image_only_and_cannot_be_changed(service):
    alice, anybody = await service.signed_in(), await service.client()
    mine, other = await service.stored(alice), await service.stored(alice)
    url = await image_url(alice, mine)
    query = parse_qs(urlsplit(url).query)
    expires, signature = query["expires"][0], query["signature"][0]
    path = f"/api/images/{mine}"
    for changed in (
        url.replace(mine, other),
        f"{path}?expires={int(expires) + 1}&signature={signature}",
        f"{path}?expires={expires}&signature={signature[:-1]}",
        f"{path}?signature={signature}",
        f"{path}?expires=x&signature=%ff%00",
    ):
        answer = await anybody.get(changed)
        assert (answer.status_code, answer.json()["code"]) == (403, "invalid_link"), changed
    for unsigned in ("", "&signature="):
        answer = await anybody.get(f"{path}?expires={expires}{unsigned}")
        assert answer.status_code == 401
    for path in (f"/api/history/{mine}", f"/api/history/{mine}/annotated"):
        assert (await anybody.get(f"{path}?{urlsplit(url).query}")).status_code == 401


async def test_links_to_an_erased_image_stop_working(service):
    alice, anybody = await service.signed_in(), await service.client()
    one, another = await service.stored(alice), await service.stored(alice)
    urls = [await image_url(alice, one), await image_url(alice, another)]
    assert (await alice.delete(f"/api/history/{one}")).status_code == 204
    assert (await anybody.get(urls[0])).status_code == 404
    assert (await anybody.get(urls[1])).status_code == 200
    await alice.delete("/api/history")
    held = {"If-None-Match": f'"{another.replace("-", "")}"'}
    assert (await anybody.get(urls[1], headers=held)).status_code == 404


async def test_the_host_is_the_one_that_the_client_called(service):
    alice = await service.signed_in()
    detection_id = await service.stored(alice)
    for host in ("emotions.example.com", "10.0.0.7:8080", "[2001:db8::1]:2508", "localhost:2508"):
        url = await image_url(alice, detection_id, headers={"Host": host})
        assert url.startswith(f"http://{host}/api/images/{detection_id}?")
    # The host that one caller sends does not affect others.
    assert (await image_url(alice, detection_id)).startswith(f"{service.url}/")


@pytest.mark.parametrize(
    "host", ["a b", 'evil"><script>', "a/b", "user@evil.example", "evil.example?", "a:99999999"]
)
async def test_an_invalid_host_is_not_used_in_addresses(service, host):
    alice = await service.signed_in()
    detection_id = await service.stored(alice)
    answer = await alice.get(f"/api/history/{detection_id}", headers={"Host": host})
    if answer.status_code == 200:  # the server itself may have refused it
        assert answer.json()["image_url"].startswith(f"{service.url}/")
    else:
        assert answer.status_code == 400


async def test_without_a_host_header_the_servers_own_address_is_used(service):
    alice = await service.signed_in()
    detection_id = await service.stored(alice)
    port = urlsplit(service.url).port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"GET /api/history/{detection_id} HTTP/1.0\r\n"
        f"Authorization: {alice.headers['Authorization']}\r\n\r\n".encode()
    )
    answer = (await asyncio.wait_for(reader.read(), 20)).decode()
    writer.close()
    assert f'"image_url":"{service.url}/api/images/{detection_id}?' in answer


async def test_a_trusted_proxy_sets_the_scheme(service):
    alice = await service.signed_in()
    detection_id = await service.stored(alice)
    headers = {"Host": "emotions.example.com", "X-Forwarded-Proto": "https"}
    url = await image_url(alice, detection_id, headers=headers)
    assert url.startswith("https://emotions.example.com/api/images/")
    # X-Forwarded-Host is not read anywhere.
    headers = {"X-Forwarded-Host": "evil.example"}
    assert (await image_url(alice, detection_id, headers=headers)).startswith(service.url)


async def test_only_a_trusted_proxy_sets_the_scheme():
    async with running_service(forwarded_allow_ips=("192.0.2.1",)) as service:
        alice = await service.signed_in()
        detection_id = await service.stored(alice)
        url = await image_url(alice, detection_id, headers={"X-Forwarded-Proto": "https"})
        assert url.startswith(f"{service.url}/")


async def test_every_address_begins_with_public_url():
    async with running_service(
        public_url="https://emotions.example.com/faces/", image_link_seconds=60
    ) as service:
        alice, anybody = await service.signed_in(), await service.client()
        url = await image_url(alice, await service.stored(alice), headers={"Host": "evil.example"})
        prefix = "https://emotions.example.com/faces"
        assert url.startswith(f"{prefix}/api/images/")
        inside = service.url + url.removeprefix(prefix)
        assert (await anybody.get(inside)).content == PHOTO
        service.clock.advance(60)
        assert (await anybody.get(inside)).status_code == 403


async def test_an_owner_needs_no_link(service):
    alice, anybody = await service.signed_in(), await service.client()
    path = f"/api/images/{await service.stored(alice)}"
    assert (await alice.get(path)).content == PHOTO
    assert (await anybody.get(path)).status_code == 401
