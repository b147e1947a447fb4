"""How much video the service takes."""

from __future__ import annotations

from dataclasses import dataclass

from domain.errors import TooManyVideos, VideoTooLarge, VideoTooLong

_TRY_AGAIN_S = 60


@dataclass(frozen=True, slots=True)
class VideoLimits:
    """What one video, and one user, may have.

    Attributes:
        bytes: of a file.
        seconds: of a video, from its first frame to its last.
        unfinished: videos of one user that wait or are worked on.
    """

    bytes: int
    seconds: float
    unfinished: int

    def check_size(self, size_bytes: int) -> None:
        """Let pass a file of this size.

        Raises:
            VideoTooLarge: it has more bytes than allowed.
        """
        if size_bytes > self.bytes:
            raise self.too_large()

    def too_large(self) -> VideoTooLarge:
        """What to say of a file that has too many bytes."""
        return VideoTooLarge(
            f"a video may have {self.bytes} bytes, this one has more", limit=self.bytes
        )

    def check_time(self, time_s: float | None) -> None:
        """Let pass a video that reaches this time.

        Raises:
            VideoTooLong: it lasts longer than allowed.
        """
        if time_s is not None and time_s > self.seconds:
            raise VideoTooLong(
                f"a video may last {self.seconds / 60:g} minutes, this one is longer",
                limit=self.seconds,
            )

    def too_many(self) -> TooManyVideos:
        """What to say to a user who has as many videos as may wait."""
        return TooManyVideos(
            f"{self.unfinished} of your videos are waiting or being worked on; send more once one "
            "of them is done",
            retry_after_s=_TRY_AGAIN_S,
            limit=self.unfinished,
        )
