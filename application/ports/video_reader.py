"""Reading the frames of a recorded video."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from domain.image import Image
from domain.video import UnreadablePart


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """The metadata of a video file; the frames may differ.

    Attributes:
        width: in pixels as a player shows it, rotation and pixel aspect applied.
        height: likewise.
        duration_s: None if the file does not say.
        frame_rate: mean frames a second; None if the file does not say.
        media_type: of the file, such as ``video/mp4``.
        start_s: when a player shows the first frame; parts of a recording may start hours in.
    """

    width: int
    height: int
    duration_s: float | None
    frame_rate: float | None
    media_type: str
    start_s: float = 0.0


@dataclass(frozen=True, slots=True)
class VideoFrame:
    """One frame of a video.

    Attributes:
        image: its pixels, upright; may be smaller than the original, see ``Image.scale``.
        time_s: when a player shows it, in seconds from the start of the video.
        scene: the number of its scene, from 0; each cut begins the next one.
    """

    image: Image
    time_s: float
    scene: int = 0


class OpenVideo(Protocol):
    """A video that is open for reading, once and from front to back."""

    @property
    def facts(self) -> VideoFacts:
        """The metadata of the file."""
        ...

    def frames(
        self, *, every_s: float, from_s: float = 0.0, to_s: float | None = None
    ) -> AsyncGenerator[VideoFrame | UnreadablePart, None]:
        """Yield the first frame at or after ``from_s`` and every ``every_s`` from there on.

        Where none comes for ``every_s`` after it was due, the one before stays on the screen: it
        is yielded first, with its own time, or ``from_s`` if that is later. So is the one that is
        on the screen from ``from_s`` to ``to_s`` if no other comes in between.

        Frames that are not wanted are not decoded where the codec allows. Damage in the middle is
        reported, and reading continues after it.

        Raises:
            VideoTooLarge: a frame has more pixels than allowed.
        """
        ...


class VideoReader(Protocol):
    """Opens video files. Other files or addresses named in them are never opened."""

    def open(self, path: Path) -> AbstractAsyncContextManager[OpenVideo]:
        """Open a file for the length of a block.

        Raises:
            InvalidVideo: it is not a video in a supported format, has no video stream, or cannot be
                read at all; ``details["reason"]`` is ``unsupported``, ``codec``, ``no_video`` or
                ``damaged``.
            VideoTooLarge: its frames have more pixels than allowed.
            OSError: the file itself cannot be read.
        """
        ...
