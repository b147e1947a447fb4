"""How detections and users look as plain JSON-able dictionaries, wherever they are kept.

SQLite, MongoDB and the spool all write this one form. Each record names its version, so that an
old one can still be read after the form changes. What is written is read back exactly.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from domain.detection import Detection, StorageStatus
from domain.emotion import Emotion, EmotionScores
from domain.face import Face, FaceDetection, FaceLandmarks, FaceQuality, FaceReading
from domain.geometry import BoundingBox, Point
from domain.stream import SessionSummary, TimelineEntry, TrackSummary
from domain.user import User
from domain.video import Damage, VideoDetails

Record = dict[str, Any]

_DETECTION_VERSION = 1
_USER_VERSION = 1

ACCOUNT_END_KEPT = timedelta(days=400)
"""How long it is known that an account was ended; no token stands as long."""


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
        "stream": None if detection.stream is None else _summary_to_record(detection.stream),
        "video": None if detection.video is None else _details_to_record(detection.video),
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
            stream=None if record["stream"] is None else _summary_from_record(record["stream"]),
            # Records from before there were videos have no such field.
            video=_details_from_record(record.get("video")),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableRecord("the record of a detection cannot be read") from error


def salvaged_detection(detection_id: UUID, user_id: str, timestamp: datetime) -> Detection:
    """What is shown of a record that cannot be read, so that it hides no other."""
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


def account_key(user_id: str) -> str:
    """A hash that stands for a user where the id itself must not be kept, in hexadecimal."""
    return hashlib.sha256(b"account " + user_id.encode("utf-8", "surrogatepass")).hexdigest()


def _expect_version(record: Mapping[str, Any], known: int) -> None:
    if record["version"] != known:
        raise UnreadableRecord(f"version {record['version']} of a record is not known")


# Numbers are converted because a detector or classifier may hand on numpy's, which JSON refuses.


def _face_to_record(face: Face) -> Record:
    return {
        "box": _box_to_record(face.detection.box),
        "confidence": float(face.detection.confidence),
        "landmarks": _landmarks_to_record(face.detection.landmarks),
        "reading": _reading_to_record(face.reading),
    }


def _face_from_record(record: Mapping[str, Any]) -> Face:
    found = FaceDetection(
        box=BoundingBox(*record["box"]),
        confidence=record["confidence"],
        landmarks=_landmarks_from_record(record["landmarks"]),
    )
    return Face(found, _reading_from_record(record["reading"]))


def _box_to_record(box: BoundingBox) -> list[int]:
    return [int(side) for side in (box.x, box.y, box.width, box.height)]


def _scores_to_record(scores: EmotionScores) -> Record:
    return {emotion.value: float(scores[emotion]) for emotion in Emotion}


def _scores_from_record(record: Mapping[str, Any]) -> EmotionScores:
    # Not ``from_weights``, which would normalise again and so move the last digits.
    return EmotionScores(tuple(record[emotion.value] for emotion in Emotion))


def _reading_to_record(reading: FaceReading) -> Record:
    return {
        "scores": _scores_to_record(reading.scores),
        "quality": {
            "sharpness": float(reading.quality.sharpness),
            "brightness": float(reading.quality.brightness),
            "size_px": int(reading.quality.size_px),
        },
        "reliable": bool(reading.reliable),
    }


def _reading_from_record(record: Mapping[str, Any]) -> FaceReading:
    return FaceReading(
        scores=_scores_from_record(record["scores"]),
        quality=FaceQuality(**record["quality"]),
        reliable=record["reliable"],
    )


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


def _summary_to_record(summary: SessionSummary) -> Record:
    return {
        "session_id": summary.session_id,
        "video_source": summary.video_source,
        "started_at": summary.started_at.isoformat(),
        "duration_s": float(summary.duration_s),
        "frames_received": summary.frames_received,
        "frames_processed": summary.frames_processed,
        "frames_failed": summary.frames_failed,
        "frames_dropped": summary.frames_dropped,
        "mean_processing_time_s": float(summary.mean_processing_time_s),
        "width": int(summary.width),
        "height": int(summary.height),
        "tracks": [_track_to_record(track) for track in summary.tracks],
        "truncated": summary.truncated,
    }


def _summary_from_record(record: Mapping[str, Any]) -> SessionSummary:
    started_at = datetime.fromisoformat(record["started_at"])
    tracks = tuple(_track_from_record(track) for track in record["tracks"])
    return SessionSummary(**{**record, "started_at": started_at, "tracks": tracks})


def _details_to_record(details: VideoDetails) -> Record:
    damages = [[damage.from_s, damage.to_s] for damage in details.damages]
    return {"every_s": float(details.every_s), "damages": damages}


def _details_from_record(record: Mapping[str, Any] | None) -> VideoDetails | None:
    if record is None:
        return None
    return VideoDetails(record["every_s"], tuple(Damage(*damage) for damage in record["damages"]))


def _track_to_record(track: TrackSummary) -> Record:
    return {
        "track_id": track.track_id,
        "first_seen_s": float(track.first_seen_s),
        "last_seen_s": float(track.last_seen_s),
        "frames": track.frames,
        "time_share": _scores_to_record(track.time_share),
        "timeline": [[e.second, e.emotion.value, float(e.score)] for e in track.timeline],
        "box": _box_to_record(track.box),
        "confidence": float(track.confidence),
        "reading": _reading_to_record(track.reading),
    }


def _track_from_record(record: Mapping[str, Any]) -> TrackSummary:
    timeline = tuple(
        TimelineEntry(second, Emotion(word), score) for second, word, score in record["timeline"]
    )
    changed = {
        "time_share": _scores_from_record(record["time_share"]),
        "timeline": timeline,
        "box": BoundingBox(*record["box"]),
        "reading": _reading_from_record(record["reading"]),
    }
    return TrackSummary(**{**record, **changed})
