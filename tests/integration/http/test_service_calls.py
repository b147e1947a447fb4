"""Health, metrics, documentation, and what applies to every call."""

import asyncio
import json
import logging
import re
from html import unescape

import httpx
import pytest
import structlog

from application.errors import IdentityUnavailable, InferenceUnavailable, StoreUnavailable
from entrypoints.wire.problem_kinds import KINDS
from tests.integration.http.service import running_service

ORIGIN = "http://localhost:3000"


async def test_healthz_answers_whatever_is_down(service):
    service.repository.fail_with(StoreUnavailable("down"))
    answer = await (await service.client()).get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok"}


async def test_readyz_names_every_part(service):
    answer = await (await service.client()).get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "services": {
            "repository": "up",
            "spool": "up",
            "image_store": "up",
            "identity_provider": "up",
            "emotion_classifier": "up",
        },
    }


async def test_readyz_is_503_when_the_repository_is_down(service):
    service.repository.fail_with(StoreUnavailable("no history"))
    answer = await (await service.client()).get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["status"] == "not ready"
    assert answer.json()["services"]["repository"] == "down"


async def test_readyz_is_503_when_nothing_can_be_accepted(service):
    service.spool.fail_with(StoreUnavailable("the disk is full"))
    answer = await (await service.client()).get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["services"]["spool"] == "down"


async def test_readyz_is_503_when_no_emotion_can_be_read(service):
    service.container.vision().emotion_classifier().fail_with(InferenceUnavailable("no model"))
    answer = await (await service.client()).get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["services"]["emotion_classifier"] == "down"


async def test_readyz_names_optional_parts_that_are_down(service):
    service.images.fail_with(StoreUnavailable("no images"))
    service.identity.fail_with(IdentityUnavailable("no sign-in"))
    answer = await (await service.client()).get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["services"]["image_store"] == "down"
    assert answer.json()["services"]["identity_provider"] == "down"


async def test_metrics_count_requests_by_route_and_time_the_stages():
    async with running_service() as service:
        await _check_metrics(service)


async def _check_metrics(service):
    alice = await service.signed_in()
    detection_id = await service.stored(alice)
    await alice.get(f"/api/history/{detection_id}")
    await alice.get("/no/such/path")
    answer = await alice.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    text = answer.text
    for stage in ("decode", "detect", "classify", "store"):
        assert f'emotion_stage_seconds_count{{stage="{stage}"}} 1.0' in text
    labels = 'method="GET",route="/api/history/{detection_id}",status="200"'
    assert f"emotion_http_request_seconds_count{{{labels}}} 1.0" in text
    assert 'route="(none)",status="404"' in text
    assert detection_id not in text
    assert "/no/such/path" not in text


async def test_the_model_is_shown_to_everyone(service):
    answer = await (await service.client()).get("/api/model")
    assert answer.status_code == 200
    model = answer.json()
    assert model["detector"].keys() == {"name", "version", "measured"}
    assert set(model["classifier"]["labels"]) == {
        "happy", "sad", "angry", "disgust", "fear", "surprise", "neutral",
    }  # fmt: skip
    assert model["classifier"]["input_size"] == {"width": 48, "height": 48}
    assert "measured" in model["classifier"]


async def test_the_root_is_json_for_programs_and_a_page_for_browsers(service):
    client = await service.client()
    for accept in ("application/json", "*/*"):
        answer = await client.get("/", headers={"Accept": accept})
        assert answer.json().keys() == {"message", "docs", "redoc"}
    page = await client.get("/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert page.headers["Content-Type"].startswith("text/html")
    assert 'href="/docs"' in page.text


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
async def test_the_documentation_works_offline(service, page):
    client = await service.client()
    answer = await client.get(page)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "http://" not in answer.text
    assert "https://" not in answer.text
    files = re.findall(r'(?:src|href)="(/[^"]+)"', answer.text)
    assert files
    for file in files:
        loaded = await client.get(file)
        assert loaded.status_code == 200
        assert loaded.headers["Content-Type"].startswith("text/")
        assert len(loaded.content) > 50


async def test_the_openapi_document_describes_every_call_of_the_contract(service):
    document = (await (await service.client()).get("/docs/openapi.json")).json()
    calls = {
        (method.upper(), path): call
        for path, item in document["paths"].items()
        for method, call in item.items()
    }
    assert calls.keys() >= {
        ("POST", "/auth/verify-token"),
        ("GET", "/auth/profile"),
        ("GET", "/auth/usage"),
        ("POST", "/auth/refresh-token"),
        ("POST", "/auth/refresh-token/reset"),
        ("POST", "/api/detect"),
        ("POST", "/api/detect/batch"),
        ("GET", "/api/detect/status/{detection_id}"),
        ("GET", "/api/history"),
        ("GET", "/api/history/{detection_id}"),
        ("DELETE", "/api/history/{detection_id}"),
        ("GET", "/api/history/{detection_id}/annotated"),
        ("GET", "/api/history/{detection_id}/timeline.svg"),
        ("GET", "/api/history/export"),
        ("DELETE", "/api/history"),
        ("GET", "/api/images/{detection_id}"),
        ("GET", "/api/model"),
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/metrics"),
        ("GET", "/problems"),
        ("GET", "/problems/{code}"),
        ("GET", "/"),
    }
    operation_ids = [call["operationId"] for call in calls.values()]
    assert len(set(operation_ids)) == len(operation_ids)
    for call in calls.values():
        assert call["summary"]
        assert call["description"]
        assert call["tags"]
        for response in call["responses"].values():
            assert response["description"]
    assert calls["GET", "/api/history"]["security"] == [{"bearer": []}]
    assert {} in calls["POST", "/api/detect"]["security"]


async def test_the_documentation_shows_an_example_of_every_json_body(service):
    document = (await (await service.client()).get("/docs/openapi.json")).json()

    def has_example(part):
        if isinstance(part, list):
            return any(has_example(each) for each in part)
        if not isinstance(part, dict):
            return False
        if "$ref" in part:
            return has_example(document["components"]["schemas"][part["$ref"].split("/")[-1]])
        return "examples" in part or any(has_example(each) for each in part.values())

    bodies = {
        (method, path, status): content["application/json"]
        for path, item in document["paths"].items()
        for method, call in item.items()
        for status, body in [("request", call.get("requestBody", {})), *call["responses"].items()]
        if "application/json" in (content := body.get("content", {}))
    }
    assert [where for where, body in bodies.items() if not has_example(body)] == []


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/no/such/path", 404, "not_found"),
        ("GET", "/api", 404, "not_found"),
        ("GET", "/docs/no-such-page", 404, "not_found"),
        ("GET", "/docs/assets/..%2fapp.py", 404, "not_found"),
        ("PUT", "/api/detect", 405, "method_not_allowed"),
        ("GET", "/auth/verify-token", 405, "method_not_allowed"),
        ("DELETE", "/healthz", 405, "method_not_allowed"),
        ("GET", "/api/history", 401, "not_authenticated"),
    ],
)
async def test_every_error_has_the_same_form(service, method, path, status, code):
    answer = await (await service.client()).request(method, path)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem.keys() == {
        "type", "title", "status", "detail", "instance", "code", "message", "details",
    }  # fmt: skip
    assert problem["type"] == f"/problems/{code}"
    assert problem["status"] == status
    assert problem["code"] == code
    assert problem["message"] == problem["detail"]
    assert problem["details"] == {}
    if status == 405:
        assert "OPTIONS" in answer.headers["Allow"]


async def test_the_type_of_a_problem_is_the_path_of_its_description(service):
    client = await service.client()
    listed = {kind["code"]: kind for kind in (await client.get("/problems")).json()}
    assert listed.keys() == KINDS.keys()
    for code, kind in KINDS.items():
        answer = await client.get(f"/problems/{code}")
        assert answer.status_code == 200
        assert "Accept" in re.split(", *", answer.headers["Vary"])
        assert answer.json() == listed[code]
        assert answer.json()["title"] == kind.title
    assert (await client.get("/problems/no_such_problem")).status_code == 404


async def test_the_page_knows_the_allowed_transports():
    async with running_service(socketio_transports="websocket") as service:
        page = await (await service.client()).get("/", headers={"Accept": "text/html"})
    assert '"socketIoTransports": ["websocket"]' in unescape(page.text)


async def test_a_browser_gets_a_page_for_each_kind_of_problem(service):
    browser = await service.client()
    browser.headers["Accept"] = "text/html,application/xhtml+xml,*/*;q=0.8"
    pages = {"/problems": await browser.get("/problems")}
    for code, kind in KINDS.items():
        assert f'href="/problems/{code}"' in pages["/problems"].text
        page = pages[code] = await browser.get(f"/problems/{code}")
        text = unescape(re.sub("<[^>]+>", "", page.text))
        for part in (kind.title, str(kind.status), kind.happened, kind.why, kind.remedy):
            assert part.replace("`", "") in text
        shown = json.loads(text[text.index("{") : text.rindex("}") + 1])
        assert (shown["code"], shown["type"]) == (code, f"/problems/{code}")
    for page in pages.values():
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "Accept" in re.split(", *", page.headers["Vary"])
        assert "unsafe-inline" not in page.headers["Content-Security-Policy"]
    missing = await browser.get("/problems/no_such_problem")
    assert missing.status_code == 404
    assert missing.json()["code"] == "not_found"


async def test_a_target_may_be_a_whole_url(service):
    """Clients that believe they speak to a proxy send it."""
    address = httpx.URL(service.url)
    for path, status in ((b"/healthz", 200), (b"/api/history?skip=1", 401), (b"", 200)):
        reader, writer = await asyncio.open_connection(address.host, address.port)
        target = service.url.encode() + path
        writer.write(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        async with asyncio.timeout(20):
            assert b"HTTP/1.1 %d " % status in await reader.read()
        writer.close()


async def test_a_request_id_is_made_or_kept_and_always_sent_back(service):
    client = await service.client()
    made = (await client.get("/healthz")).headers["X-Request-ID"]
    assert re.fullmatch(r"[0-9a-f]{32}", made)
    headers = {"X-Request-ID": "trace-1.2_3"}
    assert (await client.get("/nope", headers=headers)).headers["X-Request-ID"] == "trace-1.2_3"
    for bad in ("x" * 65, "a b", "<script>", '"'):
        answer = await client.get("/healthz", headers={"X-Request-ID": bad})
        assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-ID"])


@pytest.mark.parametrize("path", ["/", "/docs", "/nope", "/api/model", "/metrics"])
async def test_every_answer_has_security_headers(service, path):
    answer = await (await service.client()).get(path)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "unsafe-inline' 'self'" not in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/api/model", "/nope", "/api/history"])
@pytest.mark.parametrize("origin", [ORIGIN, "http://127.0.0.1:3000", "http://[::1]:5173"])
async def test_an_allowed_origin_may_read_answers_and_errors(service, path, origin):
    answer = await (await service.client()).get(path, headers={"Origin": origin})
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    exposed = set(answer.headers["Access-Control-Expose-Headers"].split(", "))
    limits = {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"}
    named = {"Retry-After", "X-Total-Count", "Link", "X-Request-ID", *limits}
    assert exposed == {*named, "Location", "Content-Disposition"}


@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH"])
async def test_a_preflight_is_answered(service, method):
    """Also for methods that nothing takes: a page can read the 405 then."""
    answer = await (await service.client()).options(
        "/api/history/00000000-0000-4000-8000-000000000000",
        headers={
            "Origin": ORIGIN,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "authorization,cache-control,x-requested-with",
        },
    )
    assert answer.status_code == 204
    assert method in answer.headers["Access-Control-Allow-Methods"]
    allowed = answer.headers["Access-Control-Allow-Headers"].lower()
    for name in ("authorization", "cache-control", "x-requested-with"):
        assert name in allowed


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "https://127.0.0.1:3000", "http://127.0.0.1:3001"]
)
async def test_other_origins_cannot_read_answers(service, origin):
    headers = {"Origin": origin}
    answer = await (await service.client()).get("/api/model", headers=headers)
    assert "Access-Control-Allow-Origin" not in answer.headers


async def test_the_prefix_of_the_calls_is_a_setting():
    async with running_service(api_prefix="/v1") as service:
        client = await service.client()
        assert (await client.get("/v1/model")).status_code == 200
        assert (await client.get("/api/model")).status_code == 404


async def test_the_log_has_user_time_and_duration_but_no_secret(service):
    lines = []

    def keep(_logger, _method, event):
        lines.append(dict(event))
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, keep])
    try:
        alice = await service.signed_in()
        headers = {"X-Request-ID": "trace-7"}
        await alice.get("/api/history?keyword=very-private", headers=headers)
    finally:
        structlog.configure(**before)
    line = lines[-1]
    assert line["request_id"] == "trace-7"
    assert line["user_id"] == "user:alice@example.com"
    assert (line["method"], line["path"], line["status"]) == ("GET", "/api/history", 200)
    assert line["duration_ms"] >= 0
    everything = json.dumps(lines, default=str)
    assert alice.headers["Authorization"].removeprefix("Bearer ") not in everything
    assert "id-token-of" not in everything
    assert "very-private" not in everything
    assert logging.getLogger().handlers is not None
