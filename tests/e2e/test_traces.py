"""The traces that a collector gets, and what they must not contain."""

from pathlib import Path
from typing import Any

import httpx

from tests.e2e.calls import settled
from tests.e2e.service_process import serving
from tests.integration.realtime.service import Client
from tests.servers.collector import collector
from tests.servers.open_inference import inference_double
from tests.servers.redis import free_port

FILE_NAME = "a-name-of-a-file.jpg"


async def test_requests_and_frames_are_traced_with_their_stages_and_nothing_personal(
    tmp_path: Path, astronaut: bytes
) -> None:
    async with collector() as collected:
        settings: dict[str, Any] = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collected.endpoint,
            "OTEL_EXPORTER_OTLP_HEADERS": "X-Password=of%20the%20collector",
            "OTEL_SERVICE_NAME": "faces",
        }
        async with serving(tmp_path, **settings) as service:
            signed_in = await service.sign_in()
            token = signed_in["access_token"]
            async with service.client(token) as user:
                sent = {"file": (FILE_NAME, astronaut)}
                detection = (await user.post("/api/detect", files=sent)).json()
                await settled(user, detection["detection_id"])
                kept = (await user.get(f"/api/history/{detection['detection_id']}")).json()
                assert kept["filename"] == FILE_NAME
                await user.get("/api/history", params={"keyword": FILE_NAME})
            async with httpx.AsyncClient(trust_env=False) as anybody:
                assert (await anybody.get(kept["image_url"])).status_code == 200
                signature = httpx.URL(kept["image_url"]).query
            async with service.client() as guest:
                refused = await guest.post("/api/detect", files={"file": (FILE_NAME, b"no image")})
                assert refused.status_code == 400
            live = Client()
            await live.connect(service.url, {"token": token}, ["websocket"])
            await live.start()
            await live.frame(1, astronaut)
            await live.next("detection_result")
            await live.io.disconnect()

    assert collected.services == {"faces"}
    assert collected.passwords == {"of the collector"}
    taken, failed = sorted(
        collected.named("POST /api/detect"), key=lambda span: span.start_time_unix_nano
    )
    assert collected.below(taken) == {"decode", "detect", "classify", "store"}
    assert collected.below(failed) == {"decode"}
    (frame,) = collected.named("frame")
    assert collected.below(frame) == {"decode", "detect", "track", "classify"}
    assert not frame.parent_span_id
    told = {attribute.key: attribute.value for attribute in frame.attributes}
    assert told["emotion.frame.outcome"].string_value == "result"
    (upload,) = collected.named("upload")
    assert upload.trace_id != taken.trace_id

    for secret in (
        FILE_NAME,
        token,
        signed_in["refresh_token"],
        signed_in["id_token"],
        signed_in["user"]["user_id"],
        detection["detection_id"],
        signature.decode(),
        "127.0.0.1",
        str(tmp_path),
    ):
        assert secret.encode() not in collected.raw, secret
    assert len(collected.raw) < 30_000, "no image"
    assert [event for span in collected.spans for event in span.events] == []


async def test_a_call_to_the_inference_server_continues_the_trace(
    tmp_path: Path, astronaut: bytes, triton: str
) -> None:
    async with collector() as collected, inference_double(triton) as double:
        settings: dict[str, Any] = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collected.endpoint,
            "CLASSIFIER": "remote",
            "REMOTE_CLASSIFIER_URL": double.url,
        }
        async with serving(tmp_path, **settings) as service, service.client() as guest:
            answer = await guest.post("/api/detect", files={"file": ("me.jpg", astronaut)})
            assert answer.status_code == 200
    (request,) = collected.named("POST /api/detect")
    ((_, trace_id, span_id, flags),) = [each.split("-") for each in double.traces]
    assert (trace_id, span_id) == (request.trace_id.hex(), request.span_id.hex())
    assert int(flags, 16) & 1, "it is recorded there as well"


async def test_a_caller_cannot_force_a_trace_to_be_recorded(tmp_path: Path) -> None:
    theirs = f"00-{'ab' * 16}-{'cd' * 8}-01"
    async with collector() as collected:
        settings: dict[str, Any] = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collected.endpoint,
            "OTEL_TRACES_SAMPLER_ARG": "0",
        }
        async with serving(tmp_path, **settings) as service, service.client() as guest:
            answer = await guest.get("/api/model", headers={"traceparent": theirs})
            assert answer.status_code == 200
    assert collected.spans == []


async def test_a_missing_collector_delays_nothing(tmp_path: Path, astronaut: bytes) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    async with (
        serving(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=nowhere) as service,
        service.client() as guest,
    ):
        answer = await guest.post("/api/detect", files={"file": ("me.jpg", astronaut)})
        assert answer.status_code == 200
