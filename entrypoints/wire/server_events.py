"""The Socket.IO events that the service sends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from application.sessions import events
from domain.errors import DomainError
from domain.session import FrameResult
from entrypoints.wire import faces, sessions
from entrypoints.wire.config import EffectiveConfig, Ignored, SuggestedConfig, present_config
from entrypoints.wire.detections import ImageSize
from entrypoints.wire.faces import TrackedFace
from entrypoints.wire.problem_kinds import KINDS
from entrypoints.wire.problems import kind_of, text_of
from entrypoints.wire.sessions import Count, Seconds, StreamSummary

Moment = Annotated[float, Meta(description="Seconds since 1970 by the service's clock.")]
Rate = Annotated[float, Meta(ge=0, description="Per second.")]
SessionId = Annotated[str | UnsetType, Meta(description="The session it is about.")]


class Initialized(Struct, kw_only=True):
    """The session and its configuration."""

    session_id: str
    config: EffectiveConfig
    ignored: Ignored
    timestamp: Moment


class DetectionResult(Struct, kw_only=True):
    """What one frame shows."""

    frame_id: int
    timestamp: Annotated[float, Meta(description="The timestamp of the frame.")]
    processing_time: Seconds
    latency: Annotated[Seconds, Meta(description="Seconds from its arrival to this result.")]
    fps: Annotated[Rate, Meta(description="Results a second over the last few seconds.")]
    faces: Annotated[list[TrackedFace], Meta(description="Largest face first.")]
    face_detected: bool
    detection_used: Annotated[
        bool,
        Meta(
            description="Whether the whole frame was searched; in others known faces are "
            "followed, or their boxes predicted."
        ),
    ]
    dropped_frames: Count
    image: ImageSize
    session_id: SessionId = UNSET


class Metrics(Struct, kw_only=True):
    """Measurements of a session since it was started."""

    received_frames: Count
    processed_frames: Count
    failed_frames: Count
    dropped_frames: Count
    current_fps: Rate
    average_processing_time: Seconds
    latency_p50: Seconds
    latency_p95: Seconds
    tracking_faces: Count
    processing_resolution: Annotated[
        list[int],
        Meta(
            min_length=2,
            max_length=2,
            description="`[width, height]` that frames are scaled to fit now.",
        ),
    ]
    detection_interval: Annotated[
        int, Meta(ge=1, description="Every N-th frame is searched for faces now.")
    ]


class Status(Struct, kw_only=True):
    """The answer to a control action; also sent every 30 results."""

    code: Literal[200] = 200
    message: str
    timestamp: Moment
    ignored: Ignored | UnsetType = UNSET
    metrics: Metrics | UnsetType = UNSET
    session_id: SessionId = UNSET


class PerformanceSuggestion(Struct, kw_only=True):
    """Settings that would help, or that can be afforded again."""

    code: Literal[200] = 200
    message: str
    suggested_config: SuggestedConfig
    timestamp: Moment
    session_id: SessionId = UNSET


class ErrorData(Struct, kw_only=True):
    """What went wrong; `data` of the client's `connect_error`."""

    code: Annotated[int, Meta(extra_json_schema={"enum": [400, 401, 413, 429, 500, 503]})]
    message: str
    error: Annotated[str, Meta(description="A stable word for the fault.")]
    field: Annotated[str | UnsetType, Meta(description="Which field is wrong.")] = UNSET


class ErrorMessage(ErrorData, kw_only=True):
    """Something was refused or failed."""

    timestamp: Moment
    frame_id: Annotated[int | UnsetType, Meta(description="The frame it is about.")] = UNSET
    recommended_value: Annotated[
        float | UnsetType, Meta(description="With 429, the frame rate to drop to.")
    ] = UNSET
    session_id: SessionId = UNSET


class SessionSummary(StreamSummary, kw_only=True):
    """The summary of a session that was stopped."""

    detection_id: Annotated[
        str | None, Meta(description="Of the record in the history, where the session was kept.")
    ]
    timestamp: Moment


class Pong(Struct, kw_only=True):
    """The answer to a ping."""

    timestamp: Moment


SERVER_EVENTS: Mapping[str, type[Struct]] = {
    "initialized": Initialized,
    "detection_result": DetectionResult,
    "status": Status,
    "performance_suggestion": PerformanceSuggestion,
    "error_message": ErrorMessage,
    "session_summary": SessionSummary,
    "pong": Pong,
}
"""What each event carries, by the event's name."""

_NAMES = {kind: name for name, kind in SERVER_EVENTS.items()}


def name_of(event: Struct) -> str:
    """The name under which an event is sent."""
    return _NAMES[type(event)]


def encode(data: object) -> str:
    """JSON of an event, or of a value that contains events."""
    try:
        return msgspec.json.encode(data).decode()
    except UnicodeEncodeError:
        # A client's own words may hold half a character; JSON can write that, UTF-8 cannot.
        return json.dumps(msgspec.to_builtins(data), separators=(",", ":"))


def present(event: events.SessionEvent, session_id: str, now: datetime) -> Struct:
    """The wire event for an event of a session.

    Args:
        event: of the session.
        session_id: of the session.
        now: the time of sending.
    """
    timestamp = now.timestamp()
    match event:
        case FrameResult():
            return _detection_result(event, session_id)
        case events.Failure():
            return present_error(event.error, now, frame_id=event.frame_id, session_id=session_id)
        case events.Initialized():
            return Initialized(
                session_id=event.session_id,
                config=present_config(event.config),
                ignored=list(event.ignored),
                timestamp=timestamp,
            )
        case events.SessionStatus():
            return Status(
                message=event.message,
                ignored=list(event.ignored),
                metrics=UNSET if event.metrics is None else _metrics(event.metrics),
                timestamp=timestamp,
                session_id=session_id,
            )
        case events.Suggestion():
            return PerformanceSuggestion(
                message=event.message,
                suggested_config=msgspec.convert(event.config, SuggestedConfig),
                timestamp=timestamp,
                session_id=session_id,
            )
        case events.MachineFull():
            rate = event.recommended_frame_rate
            return ErrorMessage(
                code=429,
                error=KINDS["overloaded"].code,
                message=f"too many frames for this machine; please send at most {rate:g} a second",
                recommended_value=rate,
                timestamp=timestamp,
                session_id=session_id,
            )
        case events.SessionEnded():
            kept = None if event.detection_id is None else str(event.detection_id)
            summary = msgspec.structs.asdict(sessions.present_summary(event.summary))
            return SessionSummary(**summary, detection_id=kept, timestamp=timestamp)


def present_error_data(error: Exception) -> ErrorData:
    """An error as clients are told it."""
    kind = kind_of(error)
    details = error.details if isinstance(error, DomainError) else {}
    return ErrorData(
        code=kind.status,
        message=text_of(error),
        error=kind.code,
        field=str(details["field"]) if "field" in details else UNSET,
    )


def present_error(
    error: Exception,
    now: datetime,
    *,
    frame_id: int | None = None,
    session_id: str | None = None,
) -> ErrorMessage:
    """What was refused or failed."""
    return ErrorMessage(
        **msgspec.structs.asdict(present_error_data(error)),
        timestamp=now.timestamp(),
        frame_id=UNSET if frame_id is None else frame_id,
        session_id=UNSET if session_id is None else session_id,
    )


def _detection_result(result: FrameResult, session_id: str) -> DetectionResult:
    config = result.config
    return DetectionResult(
        frame_id=result.frame_id,
        timestamp=result.timestamp_s,
        processing_time=round(result.processing_time_s, 6),
        latency=round(result.latency_s, 6),
        fps=round(result.fps, 2),
        faces=[
            faces.present_tracked(
                face,
                with_box=config.return_bounding_boxes,
                with_landmarks=config.return_face_landmarks,
            )
            for face in result.faces
        ],
        face_detected=bool(result.faces),
        detection_used=result.detection_used,
        dropped_frames=result.dropped_frames,
        image=ImageSize(width=result.width, height=result.height),
        session_id=session_id,
    )


def _metrics(known: events.SessionMetrics) -> Metrics:
    return Metrics(
        received_frames=known.received_frames,
        processed_frames=known.processed_frames,
        failed_frames=known.failed_frames,
        dropped_frames=known.dropped_frames,
        current_fps=round(known.current_fps, 2),
        average_processing_time=round(known.average_processing_time_s, 6),
        latency_p50=round(known.latency_p50_s, 6),
        latency_p95=round(known.latency_p95_s, 6),
        tracking_faces=known.tracking_faces,
        processing_resolution=list(known.processing_resolution),
        detection_interval=known.detection_interval,
    )
