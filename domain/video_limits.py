"""The limits of recorded video."""

from __future__ import annotations

from dataclasses import dataclass

from domain.errors import TooManyVideos, VideoTooLarge, VideoTooLong

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
