"""How detections and users look as plain JSON-able dictionaries, wherever they are kept.

SQLite, MongoDB and the spool all write this one form. Each record names its version, so that an
old one can still be read after the form changes. What is written is read back exactly.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.detection import Detection, StorageStatus
from domain.emotion import Emotion, EmotionScores
from domain.face import Face, FaceDetection, FaceLandmarks, FaceQuality, FaceReading
from domain.geometry import BoundingBox, Point
from domain.user import User

Record = dict[str, Any]

_DETECTION_VERSION = 1
_USER_VERSION = 1


class UnreadableRecord(ValueError):
    """A record is damaged, or was written by a newer version of the service."""


def to_json(record: Record) -> str:
    """Write a record on one line of ASCII."""
    return json.dumps(record, separators=(",", ":"), allow_nan=False)


def from_json(text: str | bytes) -> Record:
    """Read what ``to_json`` wrote.

    Raises:
        UnreadableRecord: it is no JSON object.
    """
    try:
        record = json.loads(text)
    except ValueError as error:
        raise UnreadableRecord("a record is no JSON") from error
    if not isinstance(record, dict):
        raise UnreadableRecord("a record is no JSON object")
    return record


def detection_to_record(detection: Detection) -> Record:
    """Write a detection as a dictionary of JSON types."""
    return {
        "version": _DETECTION_VERSION,
        "detection_id": str(detection.detection_id),
        "user_id": detection.user_id,
        "timestamp": detection.timestamp.isoformat(),
        "filename": detection.filename,
        "faces": [_face_to_record(face) for face in detection.faces],
        "processing_time_s": float(detection.processing_time_s),
        "image_width": int(detection.image_width),
        "image_height": int(detection.image_height),
        "image_url": detection.image_url,
        "storage": detection.storage.value,
    }


def detection_from_record(record: Mapping[str, Any]) -> Detection:
    """Read what ``detection_to_record`` wrote.

    Raises:
        UnreadableRecord: a field is missing or holds no such value, or the version is unknown.
    """
    try:
        _expect_version(record, _DETECTION_VERSION)
        return Detection(
            detection_id=UUID(record["detection_id"]),
            user_id=record["user_id"],
            timestamp=datetime.fromisoformat(record["timestamp"]),
            filename=record["filename"],
            faces=tuple(_face_from_record(face) for face in record["faces"]),
            processing_time_s=record["processing_time_s"],
            image_width=record["image_width"],
            image_height=record["image_height"],
            image_url=record["image_url"],
            storage=StorageStatus(record["storage"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableRecord("the record of a detection cannot be read") from error


def user_to_record(user: User) -> Record:
    """Write a user as a dictionary of JSON types."""
    return {
        "version": _USER_VERSION,
        "user_id": user.user_id,
        "email": user.email,
        "display_name": user.display_name,
        "photo_url": user.photo_url,
        "is_email_verified": user.is_email_verified,
        "providers": list(user.providers),
        "created_at": user.created_at.isoformat(),
    }


def user_from_record(record: Mapping[str, Any]) -> User:
    """Read what ``user_to_record`` wrote.

    Raises:
        UnreadableRecord: a field is missing or holds no such value, or the version is unknown.
    """
    try:
        _expect_version(record, _USER_VERSION)
        return User(
            user_id=record["user_id"],
            email=record["email"],
            display_name=record["display_name"],
            photo_url=record["photo_url"],
            is_email_verified=record["is_email_verified"],
            providers=tuple(record["providers"]),
            created_at=datetime.fromisoformat(record["created_at"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableRecord("the record of a user cannot be read") from error


def _expect_version(record: Mapping[str, Any], known: int) -> None:
    if record["version"] != known:
        raise UnreadableRecord(f"version {record['version']} of a record is not known")


# Numbers are converted because a detector or classifier may hand on numpy's, which JSON refuses.


def _face_to_record(face: Face) -> Record:
    found, reading = face.detection, face.reading
    box, quality = found.box, reading.quality
    return {
        "box": [int(side) for side in (box.x, box.y, box.width, box.height)],
        "confidence": float(found.confidence),
        "landmarks": _landmarks_to_record(found.landmarks),
        "scores": {emotion.value: float(reading.scores[emotion]) for emotion in Emotion},
        "quality": {
            "sharpness": float(quality.sharpness),
            "brightness": float(quality.brightness),
            "size_px": int(quality.size_px),
        },
        "reliable": bool(reading.reliable),
    }


def _face_from_record(record: Mapping[str, Any]) -> Face:
    found = FaceDetection(
        box=BoundingBox(*record["box"]),
        confidence=record["confidence"],
        landmarks=_landmarks_from_record(record["landmarks"]),
    )
    reading = FaceReading(
        # Not ``from_weights``, which would normalise again and so move the last digits.
        scores=EmotionScores(tuple(record["scores"][emotion.value] for emotion in Emotion)),
        quality=FaceQuality(**record["quality"]),
        reliable=record["reliable"],
    )
    return Face(found, reading)


def _landmarks_to_record(landmarks: FaceLandmarks | None) -> Record | None:
    if landmarks is None:
        return None
    points = {
        "left_eye": landmarks.left_eye,
        "right_eye": landmarks.right_eye,
        "nose": landmarks.nose,
        "left_mouth": landmarks.left_mouth,
        "right_mouth": landmarks.right_mouth,
    }
    return {name: [float(point.x), float(point.y)] for name, point in points.items()}


def _landmarks_from_record(record: Mapping[str, Any] | None) -> FaceLandmarks | None:
    if record is None:
        return None
    return FaceLandmarks(**{name: Point(*point) for name, point in record.items()})
