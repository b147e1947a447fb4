"""The record of an analysed video in the history."""

from __future__ import annotations

from application.use_cases.analyse_video import VideoSummary
from domain.detection import Detection, StorageStatus
from domain.session import SessionSummary
from domain.video import Video, VideoDetails


def detection_of(video: Video, summary: VideoSummary, processing_time_s: float) -> Detection:
    """The record of an analysed video; making it again gives the same record.

    Args:
        video: after its last frame was analysed.
        summary: of all its frames.
        processing_time_s: the mean per frame.
    """
    width, height = summary.facts.width, summary.facts.height
    end_s = video.processed_s if video.end_s is None else video.end_s
    whole = SessionSummary(
        session_id=str(video.video_id),
        video_source=video.filename,
        started_at=video.submitted_at,
        duration_s=max(end_s, video.processed_s),
        frames_received=summary.frames,
        frames_processed=summary.frames,
        frames_failed=0,
        frames_dropped=0,
        mean_processing_time_s=processing_time_s,
        width=width,
        height=height,
        tracks=summary.tracks,
        truncated=summary.truncated,
    )
    return Detection(
        detection_id=video.video_id,
        user_id=video.user_id,
        timestamp=video.submitted_at,
        filename=video.filename,
        faces=whole.faces,
        processing_time_s=processing_time_s,
        image_width=width,
        image_height=height,
        storage=StorageStatus.DONE,
        summary=whole,
        video=VideoDetails(video.sampling.every_s, summary.unreadable_parts),
    )
