"""What guests may do, and that their limits hold."""

import asyncio

from tests.integration.http.service import PHOTO, running_service


async def test_the_first_visit_needs_no_earlier_call(service):
    guest = await service.client()
    answer = await service.detect(guest)
    assert answer.status_code == 200
    assert len(answer.json()["detection_results"]["faces"]) == 2


async def test_the_guest_cookie_is_http_only_and_same_site(service):
    answer = await (await service.client()).get("/auth/usage")
    header = answer.headers["Set-Cookie"].lower()
    assert header.startswith("guest_usage_info=")
    assert "httponly" in header
    assert "samesite=lax" in header
    assert "path=/" in header
    assert "secure" not in header


async def test_over_https_the_cookie_is_secure():
    async with running_service(forwarded_allow_ips=("127.0.0.1",)) as service:
        client = await service.client(headers={"X-Forwarded-Proto": "https"})
        answer = await client.get("/auth/usage")
        assert "secure" in answer.headers["Set-Cookie"].lower()


async def test_a_page_of_another_site_gets_a_cookie_that_browsers_send_from_there(service):
    client = await service.client()
    page = {"Origin": "http://localhost:3000", "Sec-Fetch-Site": "cross-site"}
    cookie = (await client.get("/auth/usage", headers=page)).headers["Set-Cookie"].lower()
    for mark in ("httponly", "samesite=none", "secure", "partitioned"):
        assert mark in cookie
    for other in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "same-site"}):
        answer = await client.get("/auth/usage", headers={**page, **other})
        assert "samesite=lax" in answer.headers["Set-Cookie"].lower()


async def test_each_answer_renews_the_guest_cookie(service):
    guest = await service.client()
    for _ in range(2):
        answer = await guest.get("/auth/usage")
        assert "max-age=86400" in answer.headers["Set-Cookie"].lower()


async def test_the_fourth_detection_of_a_guest_is_429(service):
    guest = await service.client()
    for left in (2, 1, 0):
        assert (await service.detect(guest)).status_code == 200
        usage = (await guest.get("/auth/usage")).json()
        assert usage["is_guest"] is True
        assert (usage["max_usage"], usage["remaining"]) == (3, left)
    service.clock.advance(400)
    answer = await service.detect(guest)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "86000"
    problem = answer.json()
    assert problem["code"] == "quota_exceeded"
    assert problem["details"] == {"retry_after": 86000, "limit": 3, "remaining": 0}


async def test_a_guest_gets_a_new_quota_after_the_window(service):
    guest = await service.client()
    for _ in range(3):
        await service.detect(guest)
    service.clock.advance(86_400)
    assert (await service.detect(guest)).status_code == 200


async def test_waiting_before_the_first_use_gives_no_second_quota(service):
    guest = await service.client()
    await guest.get("/auth/profile")
    service.clock.advance(86_000)
    statuses = [(await service.detect(guest)).status_code for _ in range(3)]
    service.clock.advance(1000)
    statuses.append((await service.detect(guest)).status_code)
    assert statuses == [200] * 3 + [429]


async def test_without_the_cookie_the_limit_of_the_address_holds(service):
    statuses = [(await service.detect(await service.client())).status_code for _ in range(8)]
    assert statuses == [200] * 6 + [429] * 2


async def test_a_forged_cookie_gives_no_extra_detection(service):
    guest = await service.client()
    for _ in range(3):
        await service.detect(guest)
    honest = guest.cookies["guest_usage_info"]
    head, payload, signature = honest.split(".")
    for forged in ("x", "a.b.c", f"{head}.{payload}.{signature[::-1]}", f"{head}.{payload}."):
        forger = await service.client(cookies={"guest_usage_info": forged})
        await service.detect(forger)
    # Four forgeries: three count against the address, which is then used up.
    assert (await service.detect(await service.client())).status_code == 429


async def test_a_replayed_cookie_does_not_reset_the_count(service):
    guest = await service.client()
    first = (await guest.get("/auth/usage")).cookies["guest_usage_info"]
    for _ in range(3):
        await service.detect(guest)
    again = await service.client(cookies={"guest_usage_info": first})
    assert (await service.detect(again)).status_code == 429


async def test_a_failed_detection_is_not_charged_to_a_guest(service):
    guest = await service.client()
    for _ in range(5):
        assert (await service.detect(guest, image=b"no image")).status_code == 400
    assert (await guest.get("/auth/usage")).json()["usage_count"] == 0
    assert (await service.detect(guest)).status_code == 200


async def test_work_on_a_damaged_image_is_charged(service):
    guest = await service.client()
    for left in (2, 1, 0):
        assert (await service.detect(guest, image=PHOTO[:-5])).status_code == 400
        assert (await guest.get("/auth/usage")).json()["remaining"] == left
    assert (await service.detect(guest)).status_code == 429


async def test_all_statements_about_a_guests_quota_agree(service):
    for number in range(8):
        guest = await service.client()
        answer = await service.detect(guest)
        usage = (await guest.get("/auth/usage")).json()
        profile = (await guest.get("/auth/profile")).json()
        assert usage["usage_count"] + usage["remaining"] == usage["max_usage"]
        assert profile["usage_count"] == usage["usage_count"]
        assert answer.headers["RateLimit-Limit"] == str(usage["max_usage"])
        assert answer.headers["RateLimit-Remaining"] == str(usage["remaining"])
        assert answer.headers["RateLimit-Reset"] == "86400"
        if number >= 6:
            problem = answer.json()
            assert problem["details"]["limit"] == usage["max_usage"] == 6
            assert "6 images in 24 hours" in problem["detail"]


async def test_a_guest_without_quota_is_refused_before_the_image_is_sent(service):
    guest = await service.client()
    for _ in range(3):
        await service.detect(guest)
    cookie = f"guest_usage_info={guest.cookies['guest_usage_info']}"
    host, port = service.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        f"POST /api/detect HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 4000000\r\n\r\n".encode()
    )
    async with asyncio.timeout(20):
        assert b" 429 " in await reader.readline()
    writer.close()


async def test_a_refused_guest_still_gets_a_cookie(service):
    guest = await service.client()
    await service.detect(guest, image=b"no image")
    assert "guest_usage_info" in guest.cookies


async def test_a_guests_image_and_result_are_never_kept(service):
    guest = await service.client()
    detection = (await service.detect(guest)).json()
    assert detection["image_url"] is None
    alice = await service.signed_in()
    path = "/api/history/" + detection["detection_id"]
    assert (await alice.get(path)).status_code == 404
    assert await service.spool.waiting() == []


async def test_guests_have_no_batch_and_no_history(service):
    guest = await service.client()
    some_id = "00000000-0000-4000-8000-000000000000"
    files = {"files": ("a.jpg", PHOTO)}
    for answer in (
        await guest.post("/api/detect/batch", files=files),
        await guest.get("/api/history"),
        await guest.get("/api/history/export"),
        await guest.get(f"/api/history/{some_id}"),
        await guest.delete(f"/api/history/{some_id}"),
        await guest.delete("/api/history"),
        await guest.get(f"/api/detect/status/{some_id}"),
        await guest.get(f"/api/images/{some_id}"),
    ):
        assert answer.status_code == 401
        assert answer.json()["code"] == "not_authenticated"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_the_profile_of_a_guest_is_marked_as_guest(service):
    guest = await service.client()
    profile = (await guest.get("/auth/profile")).json()
    assert profile["is_guest"] is True
    assert profile["email"] is None
    assert profile["providers"] == []
    assert profile["created_at"] == "2026-01-01T12:00:00Z"


async def test_a_forwarded_address_from_an_untrusted_client_is_ignored():
    async with running_service(forwarded_allow_ips=("10.9.9.9",)) as service:
        statuses = []
        for number in range(8):
            client = await service.client(headers={"X-Forwarded-For": f"203.0.113.{number}"})
            statuses.append((await service.detect(client)).status_code)
        assert statuses == [200] * 6 + [429] * 2


async def test_behind_a_trusted_proxy_every_address_has_its_own_count():
    async with running_service(forwarded_allow_ips=("127.0.0.1",)) as service:
        for number in range(8):
            client = await service.client(headers={"X-Forwarded-For": f"203.0.113.{number}"})
            assert (await service.detect(client)).status_code == 200
