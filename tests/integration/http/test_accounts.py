"""Signing in, refreshing, and which token is accepted where."""

import asyncio
import codecs
from dataclasses import replace

import pytest

from application.errors import IdentityUnavailable


async def test_an_id_token_signs_in(service):
    client = await service.client()
    id_token = service.identity.enrol("alice@example.com")
    answer = await client.post("/auth/verify-token", json={"id_token": id_token})
    assert answer.status_code == 200
    body = answer.json()
    assert body.keys() == {
        "message", "user", "access_token", "refresh_token", "token_type", "expires_in",
    }  # fmt: skip
    assert body["token_type"] == "bearer"
    assert body["expires_in"] == 7200
    assert body["user"] == {
        "user_id": "user:alice@example.com",
        "email": "alice@example.com",
        "display_name": "alice",
        "photo_url": None,
        "is_guest": False,
        "is_email_verified": True,
        "providers": ["in-memory"],
        "usage_count": 0,
        "last_used": None,
        "created_at": "2026-01-01T00:00:00Z",
    }
    assert answer.headers["Cache-Control"] == "no-store"


async def test_a_line_break_after_a_token_is_ignored(service):
    """Clients read tokens from files."""
    client = await service.client()
    id_token = service.identity.enrol("alice@example.com")
    answer = await client.post("/auth/verify-token", json={"id_token": f"{id_token}\n"})
    assert answer.status_code == 200
    refresh = {"refresh_token": f" {answer.json()['refresh_token']}\r\n"}
    assert (await client.post("/auth/refresh-token", json=refresh)).status_code == 200
    answer = await client.post("/auth/verify-token", json={"id_token": "\n"})
    assert answer.json()["code"] == "invalid_token"


async def test_an_invalid_id_token_is_refused(service):
    answer = await (await service.client()).post("/auth/verify-token", json={"id_token": "forged"})
    assert answer.status_code == 401
    assert answer.json()["code"] == "invalid_token"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_access_tokens_and_id_tokens_identify_the_caller(service):
    alice = await service.signed_in("alice@example.com")
    assert (await alice.get("/auth/profile")).json()["email"] == "alice@example.com"
    alice.headers["Authorization"] = "bearer " + service.identity.enrol("alice@example.com")
    assert (await alice.get("/auth/profile")).json()["email"] == "alice@example.com"


async def test_profile_and_usage_count_detections(service):
    alice = await service.signed_in()
    await service.detect(alice)
    profile = (await alice.get("/auth/profile")).json()
    assert profile["usage_count"] == 1
    assert profile["last_used"] == "2026-01-01T12:00:00Z"
    assert (await alice.get("/auth/usage")).json() == {
        "user_id": "user:alice@example.com",
        "is_guest": False,
        "usage_count": 1,
        "max_usage": None,
        "remaining": None,
        "resets_at": None,
    }


@pytest.mark.parametrize(
    "header",
    [
        "Bearer forged",
        "Bearer",
        "Bearer two tokens",
        "Basic YWxpY2U6c2VjcmV0",
        "token-without-a-scheme",
        "",
        "Bearer \xe4\xf6\xfc",
        "Bearer " + "x" * 8000,
    ],
)
@pytest.mark.parametrize("path", ["/auth/profile", "/auth/usage", "/api/history"])
async def test_a_bad_authorization_header_is_401_and_never_a_guest(service, path, header):
    client = await service.client()
    answer = await client.get(path, headers={b"Authorization": header.encode("latin-1")})
    assert answer.status_code == 401
    assert answer.json()["code"] == "invalid_token"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert "guest_usage_info" not in answer.cookies


async def test_two_authorization_headers_are_refused(service):
    alice = await service.signed_in()
    token = alice.headers["Authorization"]
    client = await service.client()
    headers = [("Authorization", token), ("Authorization", "Bearer other")]
    assert (await client.get("/auth/profile", headers=headers)).status_code == 401


async def test_an_expired_access_token_is_refused(service):
    alice = await service.signed_in()
    service.clock.advance(7200 + 10)  # and the tolerance for clocks that differ
    answer = await alice.get("/auth/profile")
    assert answer.status_code == 401
    assert answer.json()["code"] == "invalid_token"


async def test_a_refresh_token_is_no_access_token(service):
    client = await service.client()
    id_token = service.identity.enrol("alice@example.com")
    tokens = (await client.post("/auth/verify-token", json={"id_token": id_token})).json()
    client.headers["Authorization"] = "Bearer " + tokens["refresh_token"]
    assert (await client.get("/auth/profile")).status_code == 401
    assert (await service.detect(client)).status_code == 401


async def test_a_guest_cookie_is_no_access_token(service):
    guest = await service.client()
    cookie = (await guest.get("/auth/usage")).cookies["guest_usage_info"]
    headers = {"Authorization": f"Bearer {cookie}"}
    assert (await guest.get("/auth/profile", headers=headers)).status_code == 401


async def test_an_access_token_cannot_be_used_to_refresh(service):
    alice = await service.signed_in()
    access = alice.headers["Authorization"].removeprefix("Bearer ")
    answer = await alice.post("/auth/refresh-token", json={"refresh_token": access})
    assert answer.status_code == 401


async def test_refreshing_returns_new_working_tokens(service):
    client = await service.client()
    id_token = service.identity.enrol("alice@example.com")
    first = (await client.post("/auth/verify-token", json={"id_token": id_token})).json()
    answer = await client.post(
        "/auth/refresh-token", json={"refresh_token": first["refresh_token"]}
    )
    assert answer.status_code == 200
    fresh = answer.json()
    assert fresh.keys() == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert fresh["refresh_token"] != first["refresh_token"]
    client.headers["Authorization"] = "Bearer " + fresh["access_token"]
    assert (await client.get("/auth/profile")).json()["email"] == "alice@example.com"


async def test_two_tabs_that_refresh_at_once_both_get_tokens(service):
    client = await service.client()
    id_token = service.identity.enrol("alice@example.com")
    first = (await client.post("/auth/verify-token", json={"id_token": id_token})).json()
    answers = await asyncio.gather(
        *(
            client.post("/auth/refresh-token", json={"refresh_token": first["refresh_token"]})
            for _ in range(2)
        )
    )
    assert [answer.status_code for answer in answers] == [200, 200]
    tabs = [answer.json() for answer in answers]
    assert tabs[0]["refresh_token"] != tabs[1]["refresh_token"]
    for tab in tabs:
        header = {"Authorization": f"Bearer {tab['access_token']}"}
        assert (await client.get("/auth/profile", headers=header)).status_code == 200
        answer = await client.post(
            "/auth/refresh-token", json={"refresh_token": tab["refresh_token"]}
        )
        assert answer.status_code == 200


async def test_a_refresh_token_used_twice_ends_the_whole_sign_in(service):
    client = await service.client()
    id_token = service.identity.enrol("alice@example.com")
    first = (await client.post("/auth/verify-token", json={"id_token": id_token})).json()
    second = (
        await client.post("/auth/refresh-token", json={"refresh_token": first["refresh_token"]})
    ).json()
    service.clock.advance(10)  # until then the first might come from a second tab
    for used_up in (first, second):
        answer = await client.post(
            "/auth/refresh-token", json={"refresh_token": used_up["refresh_token"]}
        )
        assert answer.status_code == 401


async def test_resetting_ends_every_sign_in(service):
    client = await service.client()
    id_token = service.identity.enrol("alice@example.com")
    laptop = (await client.post("/auth/verify-token", json={"id_token": id_token})).json()
    phone = (await client.post("/auth/verify-token", json={"id_token": id_token})).json()
    client.headers["Authorization"] = "Bearer " + laptop["access_token"]
    answer = await client.post("/auth/refresh-token/reset")
    assert answer.status_code == 200
    assert answer.json() == {"message": "sign-ins ended: 2"}
    for device in (laptop, phone):
        answer = await client.post(
            "/auth/refresh-token", json={"refresh_token": device["refresh_token"]}
        )
        assert answer.status_code == 401


async def test_only_a_user_can_reset(service):
    answer = await (await service.client()).post("/auth/refresh-token/reset")
    assert answer.status_code == 401
    assert answer.json()["code"] == "not_authenticated"


async def test_an_identity_provider_that_is_down_is_503_and_not_401(service):
    alice = await service.signed_in()
    service.identity.fail_with(IdentityUnavailable("sign-in does not answer", retry_after_s=7))
    client = await service.client(headers={"Authorization": "Bearer some-id-token"})
    for answer in (
        await client.get("/auth/profile"),
        await client.post("/auth/verify-token", json={"id_token": "some-id-token"}),
    ):
        assert answer.status_code == 503
        assert answer.json()["code"] == "identity_unavailable"
        assert answer.headers["Retry-After"] == "7"
    assert (await alice.get("/auth/profile")).status_code == 200  # signed-in users stay signed in


async def test_a_changed_profile_is_shown_and_created_at_stays(service):
    alice = await service.signed_in()
    known = await service.container.stores().users().get("user:alice@example.com")
    renamed = replace(known, display_name="Alice L.", created_at=service.clock.now())
    id_token = service.identity.enrol("alice@example.com", user=renamed)
    await alice.post("/auth/verify-token", json={"id_token": id_token})
    profile = (await alice.get("/auth/profile")).json()
    assert profile["display_name"] == "Alice L."
    assert profile["created_at"] == "2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/auth/verify-token", {}, "body"),
        ("/auth/verify-token", {"id_token": 3}, "id_token"),
        ("/auth/verify-token", {"id_token": ""}, "id_token"),
        ("/auth/verify-token", [], "body"),
        ("/auth/refresh-token", {"refresh_token": None}, "refresh_token"),
        ("/auth/refresh-token", {"id_token": "x"}, "body"),
    ],
)
async def test_a_malformed_body_is_400_and_names_the_field(service, path, body, field):
    answer = await (await service.client()).post(path, json=body)
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_request"
    assert list(answer.json()["details"]["fields"]) == [field]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"id_token=x",
        b"\xff\xfe",
        b'{"id_token": "caf\xe9"}',
        b'{"id_token": "\\ud800"}',
        b"null",
        b"[" * 30_000,
    ],
)
async def test_a_body_that_is_not_json_is_400(service, content):
    answer = await (await service.client()).post("/auth/verify-token", content=content)
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_request"


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "text/plain", None])
async def test_json_may_begin_with_a_byte_order_mark_and_have_any_media_type(service, media_type):
    token = service.identity.enrol("alice@example.com")
    answer = await (await service.client()).post(
        "/auth/verify-token",
        content=codecs.BOM_UTF8 + f'{{"id_token": "{token}"}}'.encode(),
        headers={"Content-Type": media_type} if media_type else {},
    )
    assert answer.status_code == 200, answer.text


async def test_a_missing_body_is_reported_as_missing(service):
    answer = await (await service.client()).post("/auth/verify-token")
    assert answer.status_code == 400
    assert answer.json()["detail"] == "body: is missing"


async def test_a_huge_json_body_is_413(service):
    answer = await (await service.client()).post(
        "/auth/verify-token", json={"id_token": "x" * 100_000}
    )
    assert answer.status_code == 413
    assert answer.json()["code"] == "request_too_large"
