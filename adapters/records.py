"""How detections, users and videos are written as JSON in all stores.

SQLite, MongoDB and the spool all keep this one form: the fields of the domain's dataclasses, as
msgspec writes them. A record carries the version of its form, so that older ones can still be read.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from domain.detection import Detection, StorageStatus
from domain.emotion import Emotion
from domain.user import User
from domain.video import Video

Record = dict[str, Any]
T = TypeVar("T")

# msgspec reads the fields of a dataclass when it first makes one, and crashes the process if
# threads do so at once. Making one holds the interpreter anyway.
_CONVERTING = threading.Lock()

_VERSIONS: Mapping[type, int] = {Detection: 2, User: 1, Video: 2}

PART_BYTES = 64 * 1024
"""Written records of a history that are read at a time; one record may have more."""

ACCOUNT_END_KEPT = timedelta(days=400)
"""How long the end of an account is remembered; no token is valid for that long."""


_STORED_NAMES = {"summary": "stream", "unreadable_parts": "damages"}
"""The names in records of fields that have another name in the code by now."""
_FIELD_NAMES = {stored: field for field, stored in _STORED_NAMES.items()}


class UnreadableRecord(ValueError):
    """A record is damaged, or was written by a newer version of the service."""


def to_json(record: Record) -> str:
    """Write a record on one line of ASCII."""
    return json.dumps(record, separators=(",", ":"), allow_nan=False)


def from_json(text: str | bytes) -> Record:
    """Read what ``to_json`` wrote.

    Raises:
        UnreadableRecord: it is not a JSON object.
    """
    try:
        record = json.loads(text)
    except ValueError as error:
        raise UnreadableRecord("a record is not JSON") from error
    if not isinstance(record, dict):
        raise UnreadableRecord("a record is not a JSON object")
    return record


def to_record(value: Detection | User | Video) -> Record:
    """Write a dataclass as a dictionary of JSON types, with the version of its form."""
    # A detector or classifier may return NumPy's numbers, which JSON does not know.
    fields = msgspec.to_builtins(value, enc_hook=lambda number: number.item())
    return {"version": _VERSIONS[type(value)], **_renamed(fields, _STORED_NAMES)}


def from_record(kind: type[T], record: Mapping[str, Any]) -> T:
    """Read what ``to_record`` wrote.

    Args:
        kind: the dataclass.
        record: the dictionary; fields that the dataclass does not have are ignored.

    Raises:
        UnreadableRecord: a field is missing or does not fit, or the version is unknown.
    """
    try:
        version = record["version"]
        if upgrade := _UPGRADES.get((kind, version)):
            record = upgrade(record)
        elif version != _VERSIONS[kind]:
            raise UnreadableRecord(f"version {version} of a record is unknown")
        with _CONVERTING:
            return msgspec.convert(_renamed(record, _FIELD_NAMES), kind)
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableRecord(f"the record of a {kind.__name__.lower()} cannot be read") from error


def salvaged_detection(detection_id: UUID, user_id: str, timestamp: datetime) -> Detection:
    """The replacement for a record that cannot be read."""
    return Detection(
        detection_id=detection_id,
        user_id=user_id,
        timestamp=timestamp,
        filename=None,
        faces=(),
        processing_time_s=0.0,
        image_width=0,
        image_height=0,
        storage=StorageStatus.FAILED,
    )


def account_key(user_id: str) -> str:
    """A hash that stands for a user where the id itself must not be kept, in hexadecimal."""
    return hashlib.sha256(b"account " + user_id.encode("utf-8", "surrogatepass")).hexdigest()


def _renamed(record: Mapping[str, Any], names: Mapping[str, str]) -> Record:
    """A record with other names for some fields, also in the records directly within it."""
    return {
        names.get(name, name): _renamed(value, names) if isinstance(value, dict) else value
        for name, value in record.items()
    }


def _detection_from_version_1(record: Mapping[str, Any]) -> Record:
    """Version 1 wrote boxes, points and timeline entries as lists, and scores by emotion."""
    stream, video = record["stream"], record.get("video")
    return {
        **record,
        "faces": [
            {
                "detection": {
                    "box": _box(face["box"]),
                    "confidence": face["confidence"],
                    "landmarks": _landmarks(face["landmarks"]),
                },
                "reading": _reading(face["reading"]),
            }
            for face in record["faces"]
        ],
        "stream": stream and {**stream, "tracks": [_track(track) for track in stream["tracks"]]},
        "video": video and {**video, "damages": [_damage(each) for each in video["damages"]]},
    }


def _track(track: Record) -> Record:
    return {
        **track,
        "time_share": _scores(track["time_share"]),
        "timeline": [
            {"second": second, "emotion": emotion, "score": score}
            for second, emotion, score in track["timeline"]
        ],
        "box": _box(track["box"]),
        "reading": _reading(track["reading"]),
    }


def _reading(reading: Record) -> Record:
    return {**reading, "scores": _scores(reading["scores"])}


def _scores(scores: Mapping[str, float]) -> Record:
    return {"values": [scores[emotion.value] for emotion in Emotion]}


def _box(box: list[int]) -> Record:
    return dict(zip(("x", "y", "width", "height"), box, strict=True))


def _landmarks(points: Mapping[str, list[float]] | None) -> Record | None:
    if points is None:
        return None
    return {name: {"x": x, "y": y} for name, (x, y) in points.items()}


def _damage(damage: list[float | None]) -> Record:
    return dict(zip(("from_s", "to_s"), damage, strict=True))


def _video_from_version_1(record: Mapping[str, Any]) -> Record:
    """Version 1 wrote the sampling, damages and the fault as lists."""
    fault = record["fault"]
    return {
        **record,
        "sampling": dict(zip(("every_s", "from_s", "to_s"), record["sampling"], strict=True)),
        "damages": [_damage(each) for each in record["damages"]],
        "fault": fault and dict(zip(("code", "message"), fault, strict=True)),
    }


_UPGRADES: Mapping[tuple[type, int], Callable[[Mapping[str, Any]], Record]] = {
    (Detection, 1): _detection_from_version_1,
    (Video, 1): _video_from_version_1,
}
"""What turns an older form into the present one."""
