"""The Socket.IO events that clients send."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct

from domain.errors import InvalidRequest
from domain.formats import IMAGE_FORMATS_IN_WORDS
from domain.session import MAX_FRAME_BYTES_IN_WORDS, Frame
from domain.session_config import ConfigChange
from entrypoints.wire.config import ACTIONS, Action, Config, read_config
from entrypoints.wire.frame_data import sent_image
from entrypoints.wire.reading import MAX_INTEGER, read

MAX_ROOM_NAME = 64
_MAX_TOKEN = 16 * 1024

Side = Annotated[float, Meta(ge=1, le=100_000)]


class Initialize(Struct, kw_only=True):
    """Configures the session; may be left out."""

    client_id: Annotated[Any, Meta(description="The client's own name; has no effect.")] = None
    config: Config | None = None


class Control(Struct, kw_only=True):
    """Starts, stops or configures the session."""

    action: Action
    config: Config | None = None


class VideoFrame(Struct, kw_only=True):
    """One frame."""

    frame_id: Annotated[
        int,
        Meta(
            ge=-MAX_INTEGER,
            le=MAX_INTEGER,
            description="The client's number for it; returned with the result.",
        ),
    ]
    timestamp: Annotated[
        float,
        Meta(
            ge=-MAX_INTEGER,
            le=MAX_INTEGER,
            description="Seconds by the sender's clock; returned with the result.",
        ),
    ]
    data: Annotated[
        Any,
        Meta(
            description=f"An image of at most {MAX_FRAME_BYTES_IN_WORDS} "
            f"({IMAGE_FORMATS_IN_WORDS} are read), as binary or as base64 with or without a "
            "data-URI prefix: as text or bytes, with or without line breaks and padding, URL-safe "
            "or not."
        ),
    ]
    width: Side | None = None
    height: Side | None = None
    resolution: (
        Annotated[list[Side], Meta(min_length=2, max_length=2, description="`[width, height]`")]
        | None
    ) = None


class JoinRoom(Struct, kw_only=True):
    """Asks for the results of the same user's other sessions in a room."""

    room: Annotated[str, Meta(min_length=1, max_length=MAX_ROOM_NAME)]


CLIENT_EVENTS: Mapping[str, Any] = {
    "initialize": Initialize | None,
    "control": Control,
    "video_frame": VideoFrame,
    "join_room": JoinRoom,
    "ping": Annotated[Any, Meta(description="Asks for a pong; may carry anything.")],
}
"""What each event carries, by the event's name."""


def read_token(auth: object) -> str | None:
    """The token a client connects with, or None."""
    token = auth.get("token") if isinstance(auth, dict) else None
    if not isinstance(token, str) or len(token) > _MAX_TOKEN:
        return None
    return token.strip() or None  # a token read from a file ends with a line break


def read_initialize(data: tuple[object, ...]) -> ConfigChange:
    """The requested configuration; everything may be left out."""
    return _config(_object(data) if data and data[0] is not None else {})


def read_control(data: tuple[object, ...]) -> tuple[Action, ConfigChange]:
    """The action asked for, and the configuration with it."""
    payload = _object(data)
    action = next((each for each in ACTIONS if each == payload.get("action")), None)
    if action is None:
        raise InvalidRequest(f"action must be one of {', '.join(ACTIONS)}", field="action")
    return action, _config(payload)


def read_room(data: tuple[object, ...]) -> str:
    """The name of the room."""
    return read(JoinRoom, _object(data)).room


def read_frame(data: tuple[object, ...], received_s: float) -> Frame:
    """The frame; its image is not decoded.

    Args:
        data: of the event.
        received_s: our own monotonic clock when it arrived.
    """
    sent = read(VideoFrame, _object(data))
    if not isinstance(sent.data, bytes | str) or not sent.data:
        raise InvalidRequest("data must be the image as bytes or base64 text", field="data")
    return Frame(sent.frame_id, sent.timestamp, sent_image(sent.data), received_s)


def read_frame_id(data: tuple[object, ...]) -> int | None:
    """The number of a frame, even if the rest is invalid; None if it is invalid too."""
    payload = data[0] if data and isinstance(data[0], dict) else {}
    try:
        return read(_Numbered, payload).frame_id
    except InvalidRequest:
        return None


class _Numbered(Struct):
    frame_id: Annotated[int, Meta(ge=-MAX_INTEGER, le=MAX_INTEGER)]


def _object(data: tuple[object, ...]) -> dict[str, Any]:
    if not data or not isinstance(data[0], dict):
        raise InvalidRequest("the payload must be an object")
    return data[0]


def _config(payload: Mapping[str, Any]) -> ConfigChange:
    config = payload.get("config")
    if config is not None and not isinstance(config, dict):
        raise InvalidRequest("config must be an object", field="config")
    return read_config(config or {})
