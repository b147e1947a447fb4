"""The realtime contract, event by event."""

import asyncio
import base64
from datetime import timedelta
from typing import Any

import httpx
import pytest
import socketio

from adapters.in_memory import fake_image
from application.errors import IdentityUnavailable, InferenceUnavailable
from domain.detection import HistoryFilter
from domain.emotion import Emotion
from domain.errors import InvalidToken
from tests.integration.realtime.service import PICTURE, Client, Service, running_service

BOTH = pytest.mark.parametrize("transport", ["websocket", "polling"])


async def refusal(service: Service, auth: object) -> dict[str, Any]:
    """The error of a client whose connection is refused."""
    client = Client()
    told: list[dict[str, Any]] = []

    @client.io.on("connect_error", namespace="/emotion-detection")
    async def failed(data: dict[str, Any]) -> None:
        told.append(data)

    with pytest.raises(socketio.exceptions.ConnectionError):
        await client.connect(service.url, auth, ["websocket"])
    await client.io.disconnect()
    return told[0]


@BOTH
async def test_a_session_from_initialize_to_its_summary(service: Service, transport: str) -> None:
    client = await service.client(transports=(transport,))
    await client.emit("initialize", {"client_id": "web-1", "config": {"max_frame_rate": 12}})
    initialized = await client.next("initialized")
    assert initialized["config"]["max_frame_rate"] == 12
    assert initialized["config"]["supported_actions"] == ["start", "stop", "configure"]
    assert len(initialized["config"]["max_resolution"]) == 2

    await client.emit("control", {"action": "start"})
    assert (await client.next("status"))["code"] == 200
    await client.frame(7, width=640, height=480)
    result = await client.next("detection_result")
    assert (result["frame_id"], result["timestamp"]) == (7, 1.5)
    assert result["face_detected"] is result["detection_used"] is True
    assert result["dropped_frames"] == 0
    (face,) = result["faces"]
    assert face["box"] == [100, 80, 120, 120]
    assert face["tracking_id"] == face["face_id"] == "face_1"
    assert face["emotions"][0]["emotion"] == face["dominant_emotion"] == "happy"
    assert sum(e["score"] for e in face["emotions"]) == pytest.approx(1)
    assert 0 <= result["latency"] < 20

    await client.emit("control", {"action": "stop"})
    status = await client.next("status")
    assert status["metrics"]["processed_frames"] == 1
    summary = await client.next("session_summary")
    assert summary["frames"] == {"received": 1, "processed": 1, "failed": 0, "dropped": 0}
    assert summary["tracks"][0]["emotions"][0] == {
        "emotion": "happy", "time_share": 1.0, "mean_score": pytest.approx(0.88)
    }  # fmt: skip
    assert summary["tracks"][0]["timeline"][0]["emotion"] == "happy"


@BOTH
async def test_frames_come_as_bytes_or_as_base64(service: Service, transport: str) -> None:
    client = await service.client(transports=(transport,))
    await client.start()
    text = base64.b64encode(PICTURE).decode()
    lines = base64.encodebytes(PICTURE).decode()
    for i, data in enumerate(
        [PICTURE, text, lines, text.rstrip("="), text.encode(), lines.encode(),
         f"data:image/jpeg;base64,{text}", f"DATA:;base64,{lines}", f" {text}\n"]
    ):  # fmt: skip
        await client.frame(i, data)
        assert (await client.next("detection_result"))["faces"][0]["box"] == [100, 80, 120, 120]


@BOTH
async def test_an_image_as_thousands_of_numbers_is_refused_and_the_session_lives(
    service: Service, transport: str
) -> None:
    client = await service.client(transports=(transport,))
    await client.start()
    numbers = list(range(256)) * 20
    for data in (numbers, {"type": "Buffer", "data": numbers}):
        error = await client.refused("video_frame", {"frame_id": 1, "timestamp": 1, "data": data})
        assert (error["code"], error["frame_id"]) == (400, 1)
        assert "bytes or base64" in error["message"]
    await client.frame(2)
    assert (await client.next("detection_result"))["frame_id"] == 2


async def test_a_whole_frame_number_may_come_as_a_float(service: Service) -> None:
    client = await service.client()
    await client.start()
    for number in (1.0, -2.0, 0.0):
        await client.emit("video_frame", {"frame_id": number, "timestamp": 1, "data": PICTURE})
        assert (await client.next("detection_result"))["frame_id"] == number
    frame = {"frame_id": 1.5, "timestamp": 1, "data": PICTURE}
    error = await client.refused("video_frame", frame)
    assert (error["code"], error["field"]) == (400, "frame_id")


async def test_an_id_token_opens_a_session(service: Service) -> None:
    client = Client()
    auth = {"token": service.identity.enrol("bob@example.com")}
    await client.connect(service.url, auth, ["websocket"])
    assert await client.is_served()
    await client.io.disconnect()


@pytest.mark.parametrize(
    "auth", [None, {}, {"token": None}, {"token": ""}, {"token": 5}, {"token": "x.y.z"}, "token", 7]
)
async def test_no_token_or_a_bad_one_is_refused_with_401(service: Service, auth: object) -> None:
    told = await refusal(service, auth)
    assert told["data"]["code"] == 401
    assert told["message"]
    assert service.sessions == 0


async def test_a_refresh_token_does_not_open_a_session(service: Service) -> None:
    signed_in = (
        await service.container.accounts()
        .sign_in()
        .execute(service.identity.enrol("a@example.com"))
    )
    told = await refusal(service, {"token": signed_in.tokens.refresh_token})
    assert told["data"]["code"] == 401


async def test_an_identity_provider_that_is_down_is_503_and_not_401(service: Service) -> None:
    token = service.identity.enrol("a@example.com")
    service.identity.fail_with(IdentityUnavailable("nobody home"))
    assert (await refusal(service, {"token": token}))["data"]["code"] == 503


async def test_a_full_service_refuses_with_503_until_a_session_ends() -> None:
    async with running_service(max_realtime_sessions=1) as service:
        first = await service.client("alice@example.com")
        told = await refusal(service, {"token": await service.token("bob@example.com")})
        assert told["data"]["code"] == 503
        await first.io.disconnect()
        await service.until_sessions(0)
        assert await (await service.client("bob@example.com")).is_served()


async def test_one_user_cannot_take_every_place() -> None:
    async with running_service(max_realtime_sessions_per_user=1) as service:
        await service.client("alice@example.com")
        told = await refusal(service, {"token": await service.token("alice@example.com")})
        assert told["data"]["code"] == 503
        assert await (await service.client("bob@example.com")).is_served()


async def test_an_expired_token_ends_the_session_with_an_error_message(service: Service) -> None:
    client = await service.client()
    await client.start()
    await client.frame(1)
    await client.next("detection_result")
    service.detector.hold()
    await client.frame(2)
    assert await client.is_served()  # so the frame has arrived too, and is in work
    service.clock.shift = timedelta(hours=3)
    assert (await client.next("error_message"))["code"] == 401
    service.detector.release()
    assert (await client.next("session_summary"))["frames"]["processed"] == 2
    await client.gone.wait()
    await service.until_sessions(0)


async def test_a_revoked_id_token_ends_the_session(service: Service) -> None:
    client = Client()
    auth = {"token": service.identity.enrol("bob@example.com")}
    await client.connect(service.url, auth, ["websocket"])
    service.identity.fail_with(InvalidToken("revoked"))
    await service.container.realtime().stream_sessions().verify_tokens()
    assert (await client.next("error_message"))["code"] == 401
    await client.gone.wait()
    await client.io.disconnect()


async def test_a_silent_identity_provider_does_not_block_sessions(service: Service) -> None:
    users = [f"user{number}@example.com" for number in range(20)]
    clients = [Client() for _ in users]
    for client, email in zip(clients, users, strict=True):
        await client.connect(service.url, {"token": service.identity.enrol(email)}, ["websocket"])
    short_lived = await service.client("alice@example.com")
    service.identity.hold()
    async with asyncio.timeout(60):
        for _ in range(2):
            await service.container.realtime().stream_sessions().verify_tokens()
    service.clock.shift = timedelta(hours=3)
    assert (await short_lived.next("error_message"))["code"] == 401
    service.identity.release()
    assert await clients[0].is_served(), "without an answer a client stays"
    for client in clients:
        await client.io.disconnect()


async def test_a_live_session_ends_when_the_operator_ends_the_account(service: Service) -> None:
    client = await service.client("bob@example.com")
    await client.start()
    sessions = service.container.realtime().stream_sessions()
    await sessions.verify_tokens()
    assert await client.is_served()
    await service.container.accounts().end_account().revoke("user:bob@example.com")
    await sessions.verify_tokens()
    assert (await client.next("error_message"))["code"] == 401
    await client.gone.wait()
    await service.until_sessions(0)


async def test_ping_with_any_payload_is_answered(service: Service) -> None:
    client = await service.client()
    payloads: list[object] = [None, {}, "hello", 5, [1, 2], b"bytes"]
    for payload in payloads:
        await client.emit("ping", payload)
        assert "timestamp" in await client.next("pong")


async def test_a_bad_configuration_names_the_field_and_changes_nothing(service: Service) -> None:
    client = await service.client()
    error = await client.refused(
        "initialize", {"config": {"return_bounding_boxes": False, "max_frame_rate": "fast"}}
    )
    assert (error["code"], error["field"]) == (400, "max_frame_rate")
    assert "max_frame_rate" in error["message"]
    bad = {"return_bounding_boxes": False, "processing_resolution": [640, "480"]}
    error = await client.refused("control", {"action": "start", "config": bad})
    assert (error["code"], error["field"]) == (400, "processing_resolution")
    await client.frame(0)
    assert (await client.next("error_message"))["code"] == 400
    await client.start()
    error = await client.refused(
        "control", {"action": "configure", "config": {"smooth_window_size": "wide"}}
    )
    assert (error["code"], error["field"]) == (400, "smooth_window_size")
    await client.frame(1)
    (face,) = (await client.next("detection_result"))["faces"]
    assert "box" in face


async def test_unknown_config_keys_are_ignored_and_named(service: Service) -> None:
    client = await service.client()
    own = {"skipFrameProcessing": True, "clientVersion": "1.2", "nested": {"a": [None]}}
    await client.emit("initialize", {"client_id": "web-1", "config": {**own, "max_frame_rate": 9}})
    initialized = await client.next("initialized")
    assert initialized["ignored"] == list(own)
    assert initialized["config"]["max_frame_rate"] == 9
    assert not own.keys() & initialized["config"].keys()
    for action in ("start", "start", "configure"):
        control = {"action": action, "config": {**own, "return_bounding_boxes": False}, "own": 1}
        await client.emit("control", control)
        assert (await client.next("status"))["ignored"] == list(own)
    await client.frame(1)
    (face,) = (await client.next("detection_result"))["faces"]
    assert "box" not in face
    await client.emit("control", {"action": "stop", "config": own})
    assert (await client.next("status"))["ignored"] == list(own)


async def test_a_configuration_sent_with_stop_applies_to_the_summary(service: Service) -> None:
    client = await service.client()
    await client.start()
    await client.frame(1)
    await client.next("detection_result")
    wishes: dict[str, object] = {"save_session": True, "video_source": 5}
    error = await client.refused("control", {"action": "stop", "config": wishes})
    assert error["field"] == "video_source"
    wishes["video_source"] = "front door"
    await client.emit("control", {"action": "stop", "config": wishes})
    summary = await client.next("session_summary")
    assert summary["video_source"] == "front door"
    assert summary["detection_id"]


@pytest.mark.parametrize("client_id", ["web-1", 1764380000123, 1.5, None, {"tab": 2}])
async def test_any_client_id_is_accepted(service: Service, client_id: object) -> None:
    client = await service.client()
    await client.emit("initialize", {"client_id": client_id})
    assert (await client.next("initialized"))["session_id"]


async def test_a_configuration_sent_before_start_applies_after_it(service: Service) -> None:
    client = await service.client()
    await client.emit(
        "control", {"action": "configure", "config": {"return_bounding_boxes": False}}
    )
    assert (await client.next("status"))["message"] == "configured"
    await client.start()
    await client.frame(1)
    (face,) = (await client.next("detection_result"))["faces"]
    assert "box" not in face


async def test_repeated_start_and_stop_are_answered(service: Service) -> None:
    client = await service.client()
    for action in ("start", "start", "stop", "stop"):
        await client.emit("control", {"action": action})
    said = [(await client.next("status"))["message"] for _ in range(4)]
    assert said == ["started", "already running", "stopped", "not running"]
    assert await client.is_served()
    assert [name for name, _ in client.events].count("session_summary") == 1


@pytest.mark.parametrize("timestamp", ["1.5", True, None, [], float("nan"), float("inf"), 1e300])
async def test_an_invalid_timestamp_is_refused_by_name(service: Service, timestamp: object) -> None:
    client = await service.client()
    await client.start()
    frame = {"frame_id": 4, "timestamp": timestamp, "data": PICTURE}
    error = await client.refused("video_frame", frame)
    assert (error["code"], error["frame_id"], error["field"]) == (400, 4, "timestamp")


async def test_boxes_and_landmarks_are_sent_as_configured(service: Service) -> None:
    client = await service.client()
    await client.start(return_bounding_boxes=False, return_face_landmarks=True)
    await client.frame(1)
    (face,) = (await client.next("detection_result"))["faces"]
    assert "box" not in face
    assert face["landmarks"] is None
    assert {"tracking_id", "emotions", "dominant_emotion", "quality", "reliable"} <= face.keys()


async def test_a_frame_before_start_is_refused_with_its_number(service: Service) -> None:
    client = await service.client()
    await client.frame(3)
    error = await client.next("error_message")
    assert (error["code"], error["frame_id"]) == (400, 3)


async def test_a_frame_over_one_mebibyte_is_413_and_the_session_continues(service: Service) -> None:
    client = await service.client()
    await client.start()
    for i, data in enumerate([b"x" * (2**20 + 1), "A" * 1_400_000, b"x" * 10_000_000]):
        await client.frame(i, data)
        error = await client.next("error_message")
        assert (error["code"], error["frame_id"]) == (413, i)
    await client.frame(9)
    assert (await client.next("detection_result"))["frame_id"] == 9


async def test_a_decompression_bomb_is_413_and_the_session_continues(service: Service) -> None:
    client = await service.client()
    await client.start()
    for number, (width, height) in enumerate([(30_000, 30_000), (3841, 2160)]):
        await client.frame(number, fake_image(width=width, height=height))
        assert (await client.next("error_message"))["code"] == 413
    await client.frame(2)
    assert (await client.next("detection_result"))["frame_id"] == 2


async def test_a_part_that_is_down_is_503_for_the_frame(service: Service) -> None:
    client = await service.client()
    await client.start()
    service.detector.fail_with(InferenceUnavailable("no detector"))
    await client.frame(1)
    assert (await client.next("error_message"))["code"] == 503
    service.detector.fail_with(RuntimeError("/secret/path"))
    await client.frame(2)
    error = await client.next("error_message")
    assert (error["code"], error["frame_id"]) == (500, 2)
    assert "secret" not in error["message"]


async def test_a_session_that_falls_behind_gets_a_performance_suggestion(service: Service) -> None:
    client = await service.client()
    await client.start(processing_resolution=[640, 480])
    await service.fall_behind(client)
    told = await client.next("performance_suggestion")
    assert told["code"] == 200
    assert "falls behind" in told["message"]
    assert told["suggested_config"] == {
        "processing_resolution": [480, 360],
        "detection_interval": 3,
    }
    await client.emit("control", {"action": "stop"})
    metrics = (await client.next("status"))["metrics"]
    assert metrics["processing_resolution"] == [480, 360]
    assert metrics["dropped_frames"] == 6


async def test_without_auto_adjust_the_suggestion_includes_the_frame_rate(service: Service) -> None:
    client = await service.client()
    await client.start(auto_adjust=False, processing_resolution=[640, 480])
    await service.fall_behind(client)
    suggested = (await client.next("performance_suggestion"))["suggested_config"]
    assert 0.1 <= suggested.pop("max_frame_rate") <= 0.4
    assert suggested == {"auto_adjust": True, "processing_resolution": [320, 240]}
    await client.emit("control", {"action": "configure", "config": suggested})
    assert (await client.next("status"))["message"] == "configured"


async def test_a_client_that_reconnects_gets_a_new_session(service: Service) -> None:
    token = await service.token()
    seen = set()
    for _ in range(3):
        client = Client()
        await client.connect(service.url, {"token": token}, ["websocket"])
        await client.emit("initialize")
        seen.add((await client.next("initialized"))["session_id"])
        await client.frame(1)
        assert (await client.next("error_message"))["code"] == 400
        await client.start()
        await client.frame(1)
        await client.next("detection_result")
        await client.io.disconnect()
        await service.until_sessions(0)
    assert len(seen) == 3


async def test_results_are_shared_in_a_room_of_the_same_user_only(service: Service) -> None:
    sender = await service.client("alice@example.com")
    watcher = await service.client("alice@example.com")
    stranger = await service.client("mallory@example.com")
    for client in (sender, watcher, stranger):
        await client.emit("join_room", {"room": "kitchen"})
        assert "kitchen" in (await client.next("status"))["message"]
    await sender.emit("initialize")
    session_id = (await sender.next("initialized"))["session_id"]
    await sender.start()
    await sender.frame(5)
    own, shared = await sender.next("detection_result"), await watcher.next("detection_result")
    assert own == shared
    assert shared["session_id"] == session_id
    assert await stranger.is_served()
    assert [name for name, _ in stranger.events] == ["status", "pong"]


async def test_a_session_is_shared_only_by_those_who_joined(service: Service) -> None:
    sender, other = await service.client(), await service.client()
    await sender.emit("join_room", {"room": "a"})
    await other.emit("join_room", {"room": "b"})
    await sender.next("status")
    await sender.start()
    await sender.frame(1)
    await sender.next("detection_result")
    assert await other.is_served()
    assert "detection_result" not in [name for name, _ in other.events]


async def test_rooms_are_limited(service: Service) -> None:
    client = await service.client()
    for i in range(8):
        await client.emit("join_room", {"room": f"room {i}"})
    assert (await client.refused("join_room", {"room": "one more"}))["field"] == "room"


async def test_a_saved_session_is_in_the_history_like_any_other_record(service: Service) -> None:
    client = await service.client()
    await client.start(save_session=True, video_source="front door")
    await client.frame(1)
    await client.next("detection_result")
    await client.emit("control", {"action": "stop"})
    detection_id = (await client.next("session_summary"))["detection_id"]

    headers = {"Authorization": f"Bearer {await service.token()}"}
    async with httpx.AsyncClient(base_url=service.url, headers=headers, trust_env=False) as http:
        (listed,) = (await http.get("/api/history", params={"emotion": "happy"})).json()
        assert listed["detection_id"] == detection_id
        assert listed["kind"] == "stream"
        assert listed["filename"] == "front door"
        assert listed["stream"]["tracks"][0]["tracking_id"] == "face_1"
        read = (await http.get(f"/api/history/{detection_id}")).json()
        assert read == listed
        exported = (await http.get("/api/history/export", params={"format": "json"})).json()
        assert exported[0]["kind"] == "stream"
        assert (await http.delete(f"/api/history/{detection_id}")).status_code == 204
    assert await service.repository.count("alice@example.com", HistoryFilter()) == 0


async def test_metrics_count_sessions_and_frames(service: Service) -> None:
    client = await service.client()
    await client.start()
    await client.frame(1, fake_image(((1, 1, 90, 90), Emotion.SAD)))
    await client.next("detection_result")
    async with httpx.AsyncClient(base_url=service.url, trust_env=False) as http:
        metrics = (await http.get("/metrics")).text
    assert "emotion_stream_sessions 1.0" in metrics
    assert 'emotion_stream_frames_total{outcome="result"} 1.0' in metrics
    assert 'emotion_stage_seconds_count{stage="track"} 1.0' in metrics
    assert "emotion_stream_latency_seconds_bucket" in metrics
