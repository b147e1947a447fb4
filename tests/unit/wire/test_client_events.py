"""Error messages for invalid events."""

import pytest

from domain.errors import InvalidRequest
from entrypoints.wire.client_events import (
    read_control,
    read_frame,
    read_initialize,
    read_room,
    read_token,
)

FRAME = {"frame_id": 1, "timestamp": 0.5, "data": b"JPEG"}


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({"max_frame_rate": "fast"}, "max_frame_rate must be a number from 0.1 to 60"),
        ({"detection_interval": 0}, "detection_interval must be a whole number from 1 to 30"),
        (
            {"processing_resolution": [640]},
            "processing_resolution must be [width, height], each a whole number from 64 to 4096",
        ),
        ({"save_session": "yes"}, "save_session must be true or false"),
        ({"video_source": 0}, "video_source must be a text of at most 200 characters, or null"),
    ],
)
def test_an_invalid_setting_is_named_with_what_is_allowed(
    sent: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        read_initialize(({"config": sent},))
    assert str(refusal.value) == message
    assert refusal.value.details["field"] == next(iter(sent))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"frame_id": "1"}, "frame_id"),
        ({"frame_id": 1.5}, "frame_id"),
        ({"frame_id": None}, "frame_id"),
        ({"timestamp": "now"}, "timestamp"),
        ({"timestamp": float("nan")}, "timestamp"),
        ({"timestamp": True}, "timestamp"),
        ({"data": ""}, "data"),
        ({"data": 5}, "data"),
        ({"width": 0}, "width"),
        ({"resolution": [640]}, "resolution"),
        ({"resolution": "640x480"}, "resolution"),
    ],
)
def test_an_invalid_frame_is_refused_by_field(change: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidRequest, match=field) as refusal:
        read_frame(({**FRAME, **change},), 0.0)
    assert refusal.value.details["field"] == field


@pytest.mark.parametrize("field", FRAME)
def test_a_missing_field_is_named(field: str) -> None:
    sent = {key: value for key, value in FRAME.items() if key != field}
    with pytest.raises(InvalidRequest, match=f"{field} is missing"):
        read_frame((sent,), 0.0)


def test_a_frame_may_have_whole_numbers_as_floats_and_unknown_keys() -> None:
    sent = {**FRAME, "frame_id": 7.0, "width": 640, "resolution": [640.0, 480], "camera": "front"}
    assert read_frame((sent,), 2.0).frame_id == 7


@pytest.mark.parametrize("data", [(), (None,), ("start",), ({"action": "begin"},)])
def test_an_unknown_action_is_refused(data: tuple[object, ...]) -> None:
    with pytest.raises(InvalidRequest):
        read_control(data)


@pytest.mark.parametrize("room", ["", "x" * 65, 5, None])
def test_a_room_has_a_name_of_1_to_64_characters(room: object) -> None:
    with pytest.raises(InvalidRequest, match="room must be a text of 1 to 64 characters"):
        read_room(({"room": room},))


@pytest.mark.parametrize("auth", [None, "t", {}, {"token": None}, {"token": 5}, {"token": " \n"}])
def test_a_client_without_a_token_has_none(auth: object) -> None:
    assert read_token(auth) is None
    assert read_token({"token": "a.b.c\n"}) == "a.b.c"
    assert read_token({"token": 16 * 1024 * "a"}) == 16 * 1024 * "a"
    assert read_token({"token": (16 * 1024 + 1) * "a"}) is None
