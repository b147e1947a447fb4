"""The summary of a live session: at its end, and in the history."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

import domain.session
from domain.emotion import Emotion
from entrypoints.wire.faces import Share, TrackId

Seconds = Annotated[float, Meta(ge=0, description="Seconds.")]
Count = Annotated[int, Meta(ge=0)]


class TrackEmotion(Struct, kw_only=True):
    """One emotion of one face through a session."""

    emotion: Emotion
    time_share: Annotated[
        Share, Meta(description="Share of the face's time in which its score was highest.")
    ]
    mean_score: Annotated[Share, Meta(description="Mean over that time; all of them sum to 1.")]


class TimelineEntry(Struct, kw_only=True):
    """What a face showed during one second."""

    second: Annotated[int, Meta(ge=0, description="Whole seconds since the start.")]
    emotion: Emotion
    score: Share


class Track(Struct, kw_only=True):
    """One face through a session."""

    tracking_id: TrackId
    first_seen: Seconds
    last_seen: Seconds
    frames: Count
    emotions: Annotated[list[TrackEmotion], Meta(min_length=len(Emotion), max_length=len(Emotion))]
    timeline: list[TimelineEntry]


class FrameCounts(Struct, kw_only=True):
    """The numbers of frames by outcome; those received are the sum of the others."""

    received: Count
    processed: Count
    failed: Count
    dropped: Annotated[
        Count,
        Meta(
            description="Replaced by a newer one, waiting when the session stopped, or in work "
            "when the client disconnected."
        ),
    ]


class StreamSummary(Struct, kw_only=True):
    """The summary of a live session."""

    session_id: str
    video_source: str | None
    started_at: datetime
    duration: Seconds
    frames: FrameCounts
    average_processing_time: Seconds
    tracks: list[Track]
    truncated: Annotated[bool, Meta(description="True where faces or seconds were left out.")]


def present_summary(summary: domain.session.SessionSummary) -> StreamSummary:
    """The summary of a session."""
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
        tracks=[present_track(track) for track in summary.tracks],
        truncated=summary.truncated,
    )


def present_track(track: domain.session.TrackSummary) -> Track:
    """The summary of one face."""
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
