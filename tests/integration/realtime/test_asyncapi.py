"""``docs/asyncapi.yaml`` compared with what the service accepts and emits."""

import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from jsonschema import Draft7Validator, Draft202012Validator

from application.sessions.events import MachineFull, Suggestion
from domain.errors import InvalidRequest
from domain.face import FaceDetection, FaceLandmarks
from domain.geometry import BoundingBox, Point
from domain.session_config import SessionConfig
from entrypoints.wire.asyncapi import document
from entrypoints.wire.config import present_config, read_config
from entrypoints.wire.server_events import encode, name_of, present
from tests.integration.realtime.service import Service

DOCUMENT: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parents[3] / "docs" / "asyncapi.yaml").read_text(encoding="utf-8")
)
MESSAGES = DOCUMENT["components"]["messages"]
CONFIG = DOCUMENT["components"]["schemas"]["Config"]["properties"]
SENT = DOCUMENT["operations"]["sendToClient"]["messages"]
RECEIVED = DOCUMENT["operations"]["receiveFromClient"]["messages"]


def names(references: Sequence[dict[str, str]]) -> set[str]:
    return {reference["$ref"].rsplit("/", 1)[1] for reference in references}


def closed(schema: Any) -> Any:
    """The same schema without additional properties."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    shut = {"additionalProperties": False} if "properties" in schema else {}
    return {**{key: closed(value) for key, value in schema.items()}, **shut}


def check(event: str, payload: Any) -> None:
    schema = {**MESSAGES[event]["payload"], "components": closed(DOCUMENT["components"])}
    faults = list(Draft202012Validator(schema).iter_errors(payload))
    assert not faults, f"{event}: {faults[0].json_path}: {faults[0].message}"


def test_the_document_is_up_to_date() -> None:
    assert document() == DOCUMENT, "stale: run `make asyncapi`"


def test_the_document_is_valid_asyncapi(js_packages: Path) -> None:
    rules = js_packages / "@asyncapi" / "specs" / "schemas" / "3.0.0-without-$id.json"
    faults = Draft7Validator(json.loads(rules.read_text())).iter_errors(DOCUMENT)
    assert [f"{fault.json_path}: {fault.message}" for fault in faults] == []


def test_every_schema_is_valid() -> None:
    for message in MESSAGES.values():
        Draft202012Validator.check_schema(message["payload"])
    assert names(SENT) | names(RECEIVED) == set(MESSAGES)
    assert set(DOCUMENT["channels"]["emotion-detection"]["messages"]) == set(MESSAGES)


def test_the_configuration_is_documented_key_by_key_with_its_default() -> None:
    defaults = msgspec.to_builtins(present_config(SessionConfig()))
    assert CONFIG.keys() == {field.name for field in fields(SessionConfig)}
    for key, schema in CONFIG.items():
        assert schema["default"] == defaults[key]


@pytest.mark.parametrize("key", CONFIG)
def test_documented_bounds_are_the_real_ones(key: str) -> None:
    schema = CONFIG[key]
    for bound, beyond in (("minimum", -1), ("maximum", 1)):
        if bound in schema:
            read_config({key: schema[bound]})
            with pytest.raises(InvalidRequest):
                read_config({key: schema[bound] + beyond})


async def test_every_emitted_event_matches_the_document(service: Service) -> None:
    client = await service.client()
    for event in sorted(names(RECEIVED)):
        await client.emit(event, {"action": 5, "room": 5, "config": {"speed": 1}})
    assert "internal_error" not in {payload.get("error") for _, payload in client.events}
    await client.emit("initialize", {"client_id": "x", "config": {"save_session": True}})
    eyes = FaceLandmarks(*(Point(float(x), 1.0) for x in range(5)))
    service.detector.find_always(FaceDetection(BoundingBox(10, 10, 90, 90), 0.9, eyes))
    await client.start(return_face_landmarks=True, max_frame_rate=60)
    for number in range(31):
        await client.frame(number)
        await client.next("detection_result")
    await client.emit("control", {"action": "configure", "config": {"detection_interval": 1}})
    await client.frame(100, b"nothing")
    await client.frame(101, b"x" * 2_000_000)
    await client.emit("join_room", {"room": "here"})
    await client.emit("ping")
    await client.emit("control", {"action": "stop"})
    summary = await client.next("session_summary")
    await client.start()
    await service.fall_behind(client)
    await client.next("performance_suggestion")
    assert summary["tracks"]
    for event, payload in client.events:
        check(event, payload)
    emitted = {event for event, _ in client.events}
    assert emitted == names(SENT)


def test_events_of_an_overloaded_machine_match_the_document(service: Service) -> None:
    now = service.clock.now()
    for event in (MachineFull(2.5), Suggestion("room", {"max_frame_rate": 30})):
        told = present(event, "a session", now)
        check(name_of(told), json.loads(encode(told)))
