"""From what sessions tell to what goes over the wire: an event's name and its payload."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from application.sessions.events import (
    Failure,
    Initialized,
    MachineFull,
    SessionEnded,
    StreamEvent,
    StreamMetrics,
    StreamStatus,
    Suggestion,
)
from domain.emotion import EmotionScores
from domain.face import FaceLandmarks
from domain.stream import MAX_FRAME_SIZE, FrameResult, TrackedFace
from domain.stream_config import StreamConfig
from entrypoints.realtime.errors import describe
from entrypoints.wire.sessions import present_summary

Payload = dict[str, Any]


def present(event: StreamEvent, now: datetime) -> tuple[str, Payload]:
    """Name and payload of an event."""
    name, payload = _present(event)
    # Of a result the sender's own time is told.
    return name, payload if "timestamp" in payload else {**payload, "timestamp": now.timestamp()}


def _present(event: StreamEvent) -> tuple[str, Payload]:
    match event:
        case FrameResult():
            return "detection_result", frame_result(event)
        case Failure():
            about = {} if event.frame_id is None else {"frame_id": event.frame_id}
            return "error_message", {**describe(event.error), **about}
        case Initialized():
            return "initialized", initialized(event)
        case StreamStatus():
            known = {} if event.metrics is None else {"metrics": metrics(event.metrics)}
            said = {"code": 200, "message": event.message, "ignored": list(event.ignored)}
            return "status", {**said, **known}
        case Suggestion():
            suggestion = {"message": event.message, "suggested_config": dict(event.config)}
            return "performance_suggestion", {"code": 200, **suggestion}
        case MachineFull():
            return "error_message", machine_full(event)
        case SessionEnded():
            kept = None if event.detection_id is None else str(event.detection_id)
            told: Payload = msgspec.to_builtins(present_summary(event.summary))
            return "session_summary", {**told, "detection_id": kept}


def initialized(event: Initialized) -> Payload:
    """The session and what it goes by."""
    return {
        "session_id": event.session_id,
        "config": {
            **event.config.as_dict(),
            "max_resolution": list(MAX_FRAME_SIZE),
            "supported_actions": ["start", "stop", "configure"],
        },
        "ignored": list(event.ignored),
    }


def frame_result(result: FrameResult) -> Payload:
    """What one frame shows."""
    return {
        "frame_id": result.frame_id,
        "timestamp": result.timestamp_s,
        "processing_time": round(result.processing_time_s, 6),
        "latency": round(result.latency_s, 6),
        "fps": round(result.fps, 2),
        "faces": [_face(face, result.config) for face in result.faces],
        "face_detected": bool(result.faces),
        "detection_used": result.detection_used,
        "dropped_frames": result.dropped_frames,
        "image": {"width": result.width, "height": result.height},
    }


def metrics(known: StreamMetrics) -> Payload:
    """How a session goes."""
    return {
        "received_frames": known.received_frames,
        "processed_frames": known.processed_frames,
        "failed_frames": known.failed_frames,
        "dropped_frames": known.dropped_frames,
        "current_fps": round(known.current_fps, 2),
        "average_processing_time": round(known.average_processing_time_s, 6),
        "latency_p50": round(known.latency_p50_s, 6),
        "latency_p95": round(known.latency_p95_s, 6),
        "tracking_faces": known.tracking_faces,
        "processing_resolution": list(known.processing_resolution),
        "detection_interval": known.detection_interval,
    }


def machine_full(event: MachineFull) -> Payload:
    """The frame rate that everybody can have."""
    rate = event.recommended_frame_rate
    return {
        "code": 429,
        "error": "overloaded",
        "message": f"too many frames for this machine; please send at most {rate:g} a second",
        "recommended_value": rate,
    }


def _face(face: TrackedFace, config: StreamConfig) -> Payload:
    track, reading = face.track, face.reading
    box = track.box
    shown: Payload = {
        "tracking_id": track.track_id,
        "face_id": track.track_id,
        "emotions": _emotions(reading.scores),
        "dominant_emotion": face.dominant_emotion.value,
        "detection_confidence": track.confidence,
        "predicted": track.predicted,
        "quality": {
            "sharpness": reading.quality.sharpness,
            "brightness": reading.quality.brightness,
            "size_px": reading.quality.size_px,
        },
        "reliable": reading.reliable,
    }
    if config.return_bounding_boxes:
        shown["box"] = [box.x, box.y, box.width, box.height]
    if config.return_face_landmarks:
        shown["landmarks"] = None if track.landmarks is None else _landmarks(track.landmarks)
    return shown


def _emotions(scores: EmotionScores) -> list[Payload]:
    return [
        {"emotion": emotion.value, "score": score, "percentage": float(f"{100 * score:.9g}")}
        for emotion, score in scores.ranked()
    ]


def _landmarks(found: FaceLandmarks) -> Payload:
    names = ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")
    points = {name: getattr(found, name) for name in names}
    return {name: [round(point.x, 1), round(point.y, 1)] for name, point in points.items()}
