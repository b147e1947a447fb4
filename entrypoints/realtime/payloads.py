"""From what clients send to what sessions understand."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from domain.errors import InvalidRequest
from domain.stream import Frame

MAX_ROOM_NAME = 64
_MAX_TOKEN = 16 * 1024
_LARGEST_INTEGER = 2**53
_ACTIONS = ("start", "stop", "configure")


@dataclass(frozen=True, slots=True)
class Control:
    """What the client wants the session to do."""

    action: Literal["start", "stop", "configure"]
    wishes: Mapping[str, object]


def read_token(auth: object) -> str | None:
    """The token a client connects with, or None."""
    token = auth.get("token") if isinstance(auth, dict) else None
    return token if isinstance(token, str) and 0 < len(token) <= _MAX_TOKEN else None


def read_initialize(data: tuple[object, ...]) -> Mapping[str, object]:
    """The configuration wished for; leaving everything out is fine.

    ``client_id`` is whatever the client calls itself, and makes no difference.
    """
    return _config(_an_object(data) if data and data[0] is not None else {})


def read_control(data: tuple[object, ...]) -> Control:
    """The action wished for."""
    payload = _an_object(data)
    action = payload.get("action")
    if not isinstance(action, str) or action not in _ACTIONS:
        raise InvalidRequest(f"action must be one of {', '.join(_ACTIONS)}", field="action")
    return Control(action, _config(payload))  # type: ignore[arg-type]


def read_room(data: tuple[object, ...]) -> str:
    """The name of the room."""
    room = _an_object(data).get("room")
    if not isinstance(room, str) or not 0 < len(room) <= MAX_ROOM_NAME:
        raise InvalidRequest(
            f"room must be a text of 1 to {MAX_ROOM_NAME} characters", field="room"
        )
    return room


def read_frame(data: tuple[object, ...], received_s: float) -> Frame:
    """The frame, its picture not looked at."""
    payload = _an_object(data)
    frame_id = read_frame_id(data)
    if frame_id is None:
        raise InvalidRequest("frame_id must be a whole number", field="frame_id")
    timestamp = payload.get("timestamp")
    if not _is_number(timestamp):
        raise InvalidRequest("timestamp must be a number of seconds", field="timestamp")
    picture = payload.get("data")
    if not isinstance(picture, (bytes, str)) or not picture:
        raise InvalidRequest("data must be the picture as bytes or base64 text", field="data")
    for side in ("width", "height"):
        if payload.get(side) is not None:
            _check_side(payload[side], side)
    resolution = payload.get("resolution")
    if resolution is not None:
        if not isinstance(resolution, list) or len(resolution) != 2:
            raise InvalidRequest("resolution must be [width, height]", field="resolution")
        for side in resolution:
            _check_side(side, "resolution")
    return Frame(frame_id, timestamp, picture, received_s)  # type: ignore[arg-type]


def read_frame_id(data: tuple[object, ...]) -> int | None:
    """The number of a frame, however wrong the rest of it is; None where that is wrong too."""
    payload = data[0] if data and isinstance(data[0], dict) else {}
    frame_id: Any = payload.get("frame_id")
    # JavaScript has one kind of number and JSON writes some whole ones as 1.0.
    return int(frame_id) if _is_number(frame_id) and frame_id == int(frame_id) else None


def _an_object(data: tuple[object, ...]) -> dict[str, Any]:
    if not data or not isinstance(data[0], dict):
        raise InvalidRequest("the payload must be an object")
    return data[0]


def _config(payload: Mapping[str, Any]) -> Mapping[str, object]:
    config = payload.get("config")
    if config is None:
        return {}
    if not isinstance(config, dict):
        raise InvalidRequest("config must be an object", field="config")
    return config


def _check_side(value: object, field: str) -> None:
    if not _is_number(value) or not 1 <= value <= 100_000:  # type: ignore[operator]
        raise InvalidRequest(f"{field} must be a positive number of pixels", field=field)


def _is_number(value: object) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and abs(value) <= _LARGEST_INTEGER and math.isfinite(value)  # type: ignore[arg-type]
