"""Recorded videos: their limits, what is analysed, what frames show, and how far the work is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.errors import InvalidRequest, TooManyVideos, VideoTooLarge, VideoTooLong
from domain.face import Face
from domain.session import TrackedFace

MAX_VIDEO_FRAME_SIZE = (4096, 2304)
"""Width and height; videos whose frames have more pixels than this has are refused."""
MAX_FRAMES_PER_SECOND = 30.0
MAX_STEP_S = 3600.0
DEFAULT_STEP_S = 0.2
"""Seconds between two analysed frames."""
MAX_UNREADABLE_PARTS = 100
_TRY_AGAIN_S = 60


@dataclass(frozen=True, slots=True)
class VideoLimits:
    """Limits for one video and for one user.

    Attributes:
        max_bytes: of a file.
        max_duration_s: of a video, from its first frame to its last.
        max_unfinished: videos of one user that wait or are analysed.
    """

    max_bytes: int
    max_duration_s: float
    max_unfinished: int

    def check_size(self, size_bytes: int) -> None:
        """Check the size of a file.

        Raises:
            VideoTooLarge: it has more bytes than allowed.
        """
        if size_bytes > self.max_bytes:
            raise self.too_large()

    def too_large(self) -> VideoTooLarge:
        """The error for a file that has too many bytes."""
        return VideoTooLarge(
            f"a video may have {self.max_bytes} bytes, this one has more", limit=self.max_bytes
        )

    def check_length(self, start_s: float, end_s: float | None) -> None:
        """Check how long a video lasts.

        Args:
            start_s: when its first frame is shown.
            end_s: when its last frame is shown; None if unknown.

        Raises:
            VideoTooLong: it lasts longer than allowed.
        """
        if end_s is not None and end_s - start_s > self.max_duration_s:
            raise VideoTooLong(
                f"a video may last {self.max_duration_s / 60:g} minutes, this one is longer",
                limit=self.max_duration_s,
            )

    def too_many(self) -> TooManyVideos:
        """The error for a user who has as many unfinished videos as allowed."""
        return TooManyVideos(
            f"{self.max_unfinished} of your videos are waiting or being analysed; send more once "
            "one of them is done",
            retry_after_s=_TRY_AGAIN_S,
            limit=self.max_unfinished,
        )


class VideoStatus(StrEnum):
    """The state of a video. The last three are final."""

    RECEIVING = "receiving"
    """Its file is still being stored; the video was not acknowledged yet."""
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    """It is being erased."""

    @property
    def is_final(self) -> bool:
        """Whether no work is left."""
        return self in (VideoStatus.DONE, VideoStatus.FAILED, VideoStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class Sampling:
    """Which frames of a video are analysed.

    Attributes:
        every_s: seconds between two of them.
        from_s: where to begin, in seconds from the start.
        to_s: where to end; None for the end of the video.

    Raises:
        InvalidRequest: the values are impossible.
    """

    every_s: float = DEFAULT_STEP_S
    from_s: float = 0.0
    to_s: float | None = None

    def __post_init__(self) -> None:
        if not 1 / MAX_FRAMES_PER_SECOND <= self.every_s <= MAX_STEP_S:
            raise InvalidRequest(
                f"every_s must lie between 1/{MAX_FRAMES_PER_SECOND:.0f} and {MAX_STEP_S:.0f} "
                "seconds",
                field="every_s",
            )
        if self.from_s < 0:
            raise InvalidRequest("from must be 0 or more", field="from")
        if self.to_s is not None and self.to_s <= self.from_s:
            raise InvalidRequest("to must be greater than from", field="to")

    def check_within(self, duration_s: float | None) -> None:
        """Check that a video of this length has a part to analyse.

        Raises:
            InvalidRequest: the part begins after the end.
        """
        if duration_s is not None and self.from_s > 0 and self.from_s >= duration_s:
            raise InvalidRequest(
                f"the part of the video to analyse begins after its end at {duration_s:.1f} s",
                field="from",
            )

    def due_s(self, time_s: float) -> float:
        """The wanted time that a frame at this time stands for."""
        steps = int((time_s - self.from_s) / self.every_s + 1e-6)
        return self.from_s + max(steps, 0) * self.every_s


@dataclass(frozen=True, slots=True)
class AnalysedFrame:
    """What a sampled frame of a video shows.

    Attributes:
        number: of the sampled frames, from 0.
        time_s: when a player shows it, from the start of the video.
        scene: the number of its scene, from 0; each cut begins the next one.
        width: of the video in pixels, as a player shows it.
        height: likewise.
        faces: largest first; boxes in those pixels, scores smoothed.
        found: every face that was found, with its unsmoothed reading.
    """

    number: int
    time_s: float
    scene: int
    width: int
    height: int
    faces: tuple[TrackedFace, ...]
    found: tuple[Face, ...] = ()


@dataclass(frozen=True, slots=True)
class UnreadablePart:
    """A stretch of a video that cannot be read.

    Attributes:
        from_s: time of the last frame before it, in seconds from the start.
        to_s: time of the first frame after it; None if nothing follows.
    """

    from_s: float
    to_s: float | None


def with_unreadable_part(
    parts: Sequence[UnreadablePart], part: UnreadablePart
) -> tuple[UnreadablePart, ...]:
    """The stretches that cannot be read, and one more behind them.

    From the hundredth on they are joined, with what can be read between them: a hostile file may
    have tens of thousands.
    """
    if len(parts) < MAX_UNREADABLE_PARTS:
        return (*parts, part)
    return (*parts[:-1], UnreadablePart(parts[-1].from_s, part.to_s))


@dataclass(frozen=True, slots=True)
class VideoDetails:
    """What the history keeps of a video besides its summary.

    Attributes:
        every_s: seconds between two analysed frames.
        unreadable_parts: stretches that could not be read.
    """

    every_s: float
    unreadable_parts: tuple[UnreadablePart, ...] = ()


@dataclass(frozen=True, slots=True)
class VideoFault:
    """Why a video failed.

    Attributes:
        code: the stable word of the error.
        message: may be shown to the caller.
    """

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Video:
    """One video of a user.

    Attributes:
        video_id: unique, and unguessable (random); its entry in the history has the same.
        user_id: of its owner.
        filename: as the sender named it, or None.
        media_type: of the file, by its content.
        size_bytes: of the file.
        submitted_at: when it was accepted; with a time zone.
        sampling: which frames are analysed.
        width: in pixels, as a player shows it.
        height: likewise.
        duration_s: as the file says; None if it does not.
        status: its state.
        processed_s: time of the last analysed frame, from the start of the video.
        frames_analysed: so far.
        speed: seconds of video analysed in a second of work; None until that is known.
        unreadable_parts: stretches that could not be read, so far.
        attempts: how often work on it has begun since it last made progress.
        fault: why it failed.
    """

    video_id: UUID
    user_id: str
    filename: str | None
    media_type: str
    size_bytes: int
    submitted_at: datetime
    sampling: Sampling
    width: int
    height: int
    duration_s: float | None
    status: VideoStatus = VideoStatus.RECEIVING
    processed_s: float = 0.0
    frames_analysed: int = 0
    speed: float | None = None
    unreadable_parts: tuple[UnreadablePart, ...] = ()
    attempts: int = 0
    fault: VideoFault | None = None

    def __post_init__(self) -> None:
        if self.submitted_at.tzinfo is None:
            raise ValueError("submitted_at needs a time zone")

    @property
    def detection_id(self) -> UUID | None:
        """The id of its entry in the history, once it is done."""
        return self.video_id if self.status is VideoStatus.DONE else None

    @property
    def end_s(self) -> float | None:
        """Where the part to analyse ends, in seconds from the start; None if unknown."""
        to_s = self.sampling.to_s
        if self.duration_s is None:
            return to_s
        return self.duration_s if to_s is None else min(to_s, self.duration_s)

    @property
    def progress(self) -> float:
        """The share of the part to analyse that is done, in [0, 1]."""
        if self.status is VideoStatus.DONE:
            return 1.0
        whole_s = (self.end_s or 0.0) - self.sampling.from_s
        done_s = self.processed_s - self.sampling.from_s
        return min(max(done_s / whole_s, 0.0), 1.0) if whole_s > 0 else 0.0

    @property
    def remaining_s(self) -> float | None:
        """Seconds of work left; 0 at the end, None if unknown."""
        if self.status.is_final:
            return 0.0
        if self.end_s is None or not self.speed or self.status is not VideoStatus.RUNNING:
            return None
        return max(self.end_s - self.processed_s, 0.0) / self.speed

    def failed(self, fault: VideoFault) -> Video:
        """The same video after the work on it was given up."""
        return replace(self, status=VideoStatus.FAILED, fault=fault, speed=None)
