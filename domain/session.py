"""The frames of a live session: what comes in, the result for each, and the summary at the end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain.emotion import Emotion, EmotionScores
from domain.face import Face, FaceDetection, FaceReading
from domain.geometry import BoundingBox
from domain.image import EncodedImage
from domain.session_config import SessionConfig
from domain.tracking import FaceTrack

MAX_FRAME_SIZE = (3840, 2160)
"""Width and height; frames with more pixels than this has are refused."""
MAX_FRAME_BYTES = 2**20
"""Encoded; a larger frame is refused."""
MAX_FRAME_BYTES_IN_WORDS = f"{MAX_FRAME_BYTES / 2**20:g} MiB"


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a live session, as it came in.

    Attributes:
        frame_id: the sender's number for it.
        timestamp_s: the sender's clock when it was taken; returned with the result, never relied
            on.
        image: as it was sent.
        received_s: our own monotonic clock when it arrived, in seconds.
    """

    frame_id: int
    timestamp_s: float
    image: EncodedImage
    received_s: float


@dataclass(frozen=True, slots=True)
class TrackedFace:
    """A face in a frame: its track in this session, its position and its emotions.

    ``reading.scores`` are smoothed where the session asks for it.
    """

    track: FaceTrack
    reading: FaceReading

    @property
    def dominant_emotion(self) -> Emotion:
        """The emotion with the highest score."""
        return self.reading.scores.dominant


@dataclass(frozen=True, slots=True)
class FrameResult:
    """The result of one frame.

    Attributes:
        frame_id: the sender's number for the frame.
        timestamp_s: the sender's clock when it was taken.
        config: the settings it was analysed by.
        faces: largest first; boxes clipped to the frame.
        detection_used: whether the whole frame was searched for faces; in others the known ones
            are followed, or else predicted.
        width: of the frame in pixels, as the sender knows it.
        height: likewise.
        processing_time_s: from when it was taken up to its result.
        latency_s: from its arrival to its result, by our own clock.
        fps: results a second over the last few seconds.
        dropped_frames: of the running session so far.
    """

    frame_id: int
    timestamp_s: float
    config: SessionConfig
    faces: tuple[TrackedFace, ...]
    detection_used: bool
    width: int
    height: int
    processing_time_s: float
    latency_s: float
    fps: float
    dropped_frames: int


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """The emotion of a face during one second.

    Attributes:
        second: whole seconds since the session was started.
        emotion: the one with the highest mean score in that second.
        score: that mean, in [0, 1].
    """

    second: int
    emotion: Emotion
    score: float


@dataclass(frozen=True, slots=True)
class TrackSummary:
    """One face through a whole session.

    Attributes:
        track_id: ``face_1``, ``face_2``, …
        first_seen_s: seconds since the session was started.
        last_seen_s: likewise.
        frames: in how many frames it was read.
        time_share: for each emotion the share of the face's time in which it was dominant.
        timeline: one entry for each second the face was read in, in order.
        box: where it was last, in pixels of the session's last frame.
        confidence: the detector's score when it last saw the face.
        reading: quality and reliability of the last reading, with ``mean_scores``.
    """

    track_id: str
    first_seen_s: float
    last_seen_s: float
    frames: int
    time_share: EmotionScores
    timeline: tuple[TimelineEntry, ...]
    box: BoundingBox
    confidence: float
    reading: FaceReading

    @property
    def mean_scores(self) -> EmotionScores:
        """The mean over the face's time."""
        return self.reading.scores

    @property
    def face(self) -> Face:
        """The face where it was last, with its mean scores."""
        return Face(FaceDetection(self.box, self.confidence), self.reading)


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """The summary of a session from ``start`` to ``stop``.

    ``frames_received`` is always the sum of those processed, failed and dropped.

    Attributes:
        session_id: of the connection it ran in.
        video_source: what the sender called the stream.
        started_at: with a time zone.
        duration_s: from start to stop.
        frames_received: that came in while it ran.
        frames_processed: that got a result.
        frames_failed: that got an error.
        frames_dropped: that were replaced by a newer one, waited when the session stopped, or were
            in work when the client disconnected.
        mean_processing_time_s: of the frames processed; 0 without any.
        width: of the last frame processed, in pixels; 0 without any.
        height: likewise.
        tracks: in the order they appeared.
        truncated: True if faces or seconds were left out because there were too many.
    """

    session_id: str
    video_source: str | None
    started_at: datetime
    duration_s: float
    frames_received: int
    frames_processed: int
    frames_failed: int
    frames_dropped: int
    mean_processing_time_s: float
    width: int
    height: int
    tracks: tuple[TrackSummary, ...]
    truncated: bool = False

    @property
    def faces(self) -> tuple[Face, ...]:
        """The faces where they were last, the largest first."""
        tracks = sorted(self.tracks, key=lambda track: -track.box.area)
        return tuple(track.face for track in tracks)
