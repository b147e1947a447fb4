"""Recorded videos: progress and results."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

import domain.video
from entrypoints.wire import problems
from entrypoints.wire.detections import Unreadable, present_unreadable
from entrypoints.wire.faces import PixelCount, Share
from entrypoints.wire.problem_kinds import KINDS
from entrypoints.wire.problems import Problem
from entrypoints.wire.sessions import Count, Seconds

Status = Literal["queued", "running", "done", "failed", "cancelled"]


class Video(Struct, kw_only=True):
    """A video that was sent to be analysed."""

    video_id: UUID
    filename: Annotated[
        str | None, Meta(description="As the sender named it.", examples=["interview.mp4"])
    ]
    status: Annotated[Status, Meta(description="The last three are final.", examples=["running"])]
    progress: Annotated[
        Share, Meta(description="Share of the part to analyse that is done.", examples=[0.42])
    ]
    processed_seconds: Annotated[
        Seconds, Meta(description="Time of the last analysed frame, from the start of the video.")
    ]
    duration: Annotated[
        Seconds | None, Meta(description="As the file says, in seconds; null where it does not.")
    ]
    remaining_seconds: Annotated[
        Seconds | None, Meta(description="Seconds of work left; null while unknown.")
    ]
    frames_analysed: Count
    width: Annotated[PixelCount, Meta(description="As a player shows it, in pixels.")]
    height: PixelCount
    unreadable: Annotated[list[Unreadable], Meta(description="Stretches found so far.")]
    error: Annotated[Problem | None, Meta(description="Why it failed.")]
    detection_id: Annotated[
        UUID | None, Meta(description="Its entry in the history, once it is done.")
    ]
    submitted_at: datetime
    file_url: Annotated[
        str | None,
        Meta(
            description="Plays the file without a token until it expires. "
            "Every answer has a fresh one; null once the video is cancelled."
        ),
    ]


def present(video: domain.video.Video, *, path: str, file_url: str | None) -> Video:
    """A video.

    Args:
        video: what is shown; never one whose file is still on its way.
        path: the address of this video.
        file_url: shows its file.
    """
    status: Status = video.status.value  # type: ignore[assignment]
    return Video(
        video_id=video.video_id,
        filename=video.filename,
        status=status,
        progress=round(video.progress, 4),
        processed_seconds=round(video.processed_s, 3),
        duration=None if video.duration_s is None else round(video.duration_s, 3),
        remaining_seconds=None if video.remaining_s is None else round(video.remaining_s, 1),
        frames_analysed=video.frames_analysed,
        width=video.width,
        height=video.height,
        unreadable=[present_unreadable(part) for part in video.unreadable_parts],
        error=None if video.fault is None else _problem(video.fault, path),
        detection_id=video.detection_id,
        submitted_at=video.submitted_at,
        file_url=file_url,
    )


def _problem(fault: domain.video.VideoFault, path: str) -> Problem:
    kind = KINDS.get(fault.code, KINDS["internal_error"])
    return problems.present(kind, fault.message, instance=path, details={})
