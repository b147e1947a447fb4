"""How a realtime session is summed up on the wire: at its end, and in the history."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from domain.emotion import Emotion
from domain.stream import SessionSummary, TrackSummary

Share = Annotated[float, Meta(ge=0, le=1)]
Seconds = Annotated[float, Meta(ge=0, description="Seconds.")]
Count = Annotated[int, Meta(ge=0)]


class TrackEmotion(Struct, kw_only=True):
    """One emotion of one face through a session."""

    emotion: Emotion
    time_share: Annotated[Share, Meta(description="Share of the face's time it led in.")]
    mean_score: Annotated[Share, Meta(description="Mean over that time; the seven sum to 1.")]


class TimelineEntry(Struct, kw_only=True):
    """What a face showed during one second."""

    second: Annotated[int, Meta(ge=0, description="Whole seconds since the start.")]
    emotion: Emotion
    score: Share


class Track(Struct, kw_only=True):
    """One face through a session."""

    tracking_id: Annotated[str, Meta(pattern="^face_[1-9][0-9]*$", examples=["face_1"])]
    first_seen: Seconds
    last_seen: Seconds
    frames: Count
    emotions: Annotated[list[TrackEmotion], Meta(min_length=7, max_length=7)]
    timeline: list[TimelineEntry]


class FrameCounts(Struct, kw_only=True):
    """What became of the frames; those received are the sum of the others."""

    received: Count
    processed: Count
    failed: Count
    dropped: Count


class StreamSummary(Struct, kw_only=True):
    """What remains of a realtime session."""

    session_id: str
    video_source: str | None
    started_at: datetime
    duration: Seconds
    frames: FrameCounts
    average_processing_time: Seconds
    tracks: list[Track]
    truncated: Annotated[bool, Meta(description="True where faces or seconds were left out.")]


def summarize(summary: SessionSummary) -> StreamSummary:
    """Put a summary into its form."""
    return StreamSummary(
        session_id=summary.session_id,
        video_source=summary.video_source,
        started_at=summary.started_at,
        duration=round(summary.duration_s, 3),
        frames=FrameCounts(
            received=summary.frames_received,
            processed=summary.frames_processed,
            failed=summary.frames_failed,
            dropped=summary.frames_dropped,
        ),
        average_processing_time=round(summary.mean_processing_time_s, 6),
        tracks=[track(face) for face in summary.tracks],
        truncated=summary.truncated,
    )


def track(track: TrackSummary) -> Track:
    """Put what remains of one face into its form."""
    return Track(
        tracking_id=track.track_id,
        first_seen=round(track.first_seen_s, 3),
        last_seen=round(track.last_seen_s, 3),
        frames=track.frames,
        emotions=[
            TrackEmotion(
                emotion=emotion,
                time_share=round(track.time_share[emotion], 6),
                mean_score=round(score, 6),
            )
            for emotion, score in track.mean_scores.ranked()
        ],
        timeline=[
            TimelineEntry(second=entry.second, emotion=entry.emotion, score=round(entry.score, 4))
            for entry in track.timeline
        ],
    )
