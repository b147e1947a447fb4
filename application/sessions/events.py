"""The events of a live session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from domain.geometry import Size
from domain.session import FrameResult, SessionSummary
from domain.session_config import SessionConfig


@dataclass(frozen=True, slots=True)
class Initialized:
    """The session is configured.

    Attributes:
        session_id: the session's id.
        config: the settings in effect.
        ignored: unknown keys that the client sent.
    """

    session_id: str
    config: SessionConfig
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SessionMetrics:
    """Measurements of a running session.

    Attributes:
        received_frames: since it was started.
        processed_frames: likewise, those that got a result.
        failed_frames: likewise, those that got an error.
        dropped_frames: likewise, those that were dropped.
        current_fps: results a second over the last few seconds.
        average_processing_time_s: of the last frames, from their turn to their result.
        latency_p50_s: median time of the last frames from arrival to result.
        latency_p95_s: the time that 95 of 100 frames stay under.
        tracking_faces: in the last frame.
        processing_resolution: the size to which frames are scaled for the detector now.
        detection_interval: every N-th frame is searched for faces now.
    """

    received_frames: int
    processed_frames: int
    failed_frames: int
    dropped_frames: int
    current_fps: float
    average_processing_time_s: float
    latency_p50_s: float
    latency_p95_s: float
    tracking_faces: int
    processing_resolution: Size
    detection_interval: int


@dataclass(frozen=True, slots=True)
class SessionStatus:
    """The answer to a control action, or a regular report.

    Attributes:
        message: for people.
        metrics: None while the session does not run.
        ignored: unknown keys that the client sent.
    """

    message: str
    metrics: SessionMetrics | None = None
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """Something failed outside of a control action.

    Attributes:
        error: of the core, or unexpected.
        frame_id: of the frame that got no result; None if it was not about a frame.
    """

    error: Exception
    frame_id: int | None = None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Settings that would help the session keep up, or that it can afford again."""

    message: str
    config: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class MachineFull:
    """All sessions together ask for more than the machine can do.

    Attributes:
        recommended_frame_rate: frames a second that every session can get.
    """

    recommended_frame_rate: float


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """A session was stopped.

    Attributes:
        summary: of everything from start to stop.
        detection_id: of its record in the history; None if it was not saved.
    """

    summary: SessionSummary
    detection_id: UUID | None = None


SessionEvent = (
    Initialized | FrameResult | Failure | SessionStatus | Suggestion | MachineFull | SessionEnded
)


class SessionListener(Protocol):
    """The client of a session, who receives its events."""

    async def ready(self) -> None:
        """Wait until earlier events were sent; no frame is started before that."""
        ...

    async def send(self, event: SessionEvent) -> None:
        """Send an event, without waiting and without raising."""
        ...

    async def disconnect(self) -> None:
        """Close the client's connection, after it got the reason."""
        ...
