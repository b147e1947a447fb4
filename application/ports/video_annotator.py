"""Drawing faces over a copy of a video."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from domain.session import TrackedFace

ANNOTATED_VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv")
"""What a copy may be called; the ending chooses the container."""

FacesAt = Callable[[float], Sequence[TrackedFace]]
"""The faces at a time in seconds from the start, boxes in pixels as a player shows the video."""


class VideoAnnotator(Protocol):
    """Draws boxes and emotions over a copy of a video."""

    async def annotate(
        self, source: Path, target: Path, faces_at: FacesAt, on_progress: Callable[[float], None]
    ) -> None:
        """Write a copy with every frame and the sound, and with each face's box, ID and emotion.

        Args:
            source: the video.
            target: the copy, H.264, upright; written over where it is there.
            faces_at: what to draw.
            on_progress: called now and then, in any thread, with the time of the last finished
                frame.

        Raises:
            InvalidVideo, VideoTooLarge: see ``VideoReader.open``.
            OSError: a file cannot be read or written.
        """
        ...
