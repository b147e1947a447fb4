"""What a realtime session tells whoever listens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from domain.stream import FrameResult, SessionSummary
from domain.stream_config import Size, StreamConfig


@dataclass(frozen=True, slots=True)
class Initialized:
    """The session is ready; this is what it will go by.

    Attributes:
        session_id: of the session.
        config: the settings in effect.
        ignored: keys the client sent that are no settings.
    """

    session_id: str
    config: StreamConfig
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StreamMetrics:
    """How a running session goes.

    Attributes:
        received_frames: since it was started.
        processed_frames: likewise, those that got a result.
        failed_frames: likewise, those that got an error.
        dropped_frames: likewise, those that were let go.
        current_fps: results a second over the last few seconds.
        average_processing_time_s: of the last frames, from their turn to their result.
        latency_p50_s: median time of the last frames from arrival to result.
        latency_p95_s: the time that 95 of 100 stay under.
        tracking_faces: in the last frame.
        processing_resolution: what the detector sees a frame scaled down to now.
        detection_interval: the detector runs on every so many frames now.
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
class StreamStatus:
    """What was done, or just how it goes.

    Attributes:
        message: for people.
        metrics: None while the session does not run.
        ignored: keys the client sent that are no settings.
    """

    message: str
    metrics: StreamMetrics | None = None
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """Something went wrong that the client did not ask for just now.

    Attributes:
        error: of the core, or unexpected.
        frame_id: of the frame that was taken in and got no result; None where it was no frame.
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
    """All sessions together ask for more than the machine gives.

    Attributes:
        recommended_frame_rate: frames a second that every session can have.
    """

    recommended_frame_rate: float


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """What remains of a session that was stopped.

    Attributes:
        summary: of everything from start to stop.
        detection_id: of its record in the history; None where none was asked for or kept.
    """

    summary: SessionSummary
    detection_id: UUID | None = None


StreamEvent = (
    Initialized | FrameResult | Failure | StreamStatus | Suggestion | MachineFull | SessionEnded
)


class Listener(Protocol):
    """The client of a session: where its events go."""

    async def ready(self) -> None:
        """Wait until earlier events have gone out; no frame is taken up before."""
        ...

    async def tell(self, event: StreamEvent) -> None:
        """Pass an event on, without waiting for anybody and without raising."""
        ...

    async def disconnect(self) -> None:
        """Close the client's connection; it was told why before."""
        ...
