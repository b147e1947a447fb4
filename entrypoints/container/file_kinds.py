"""Telling images from videos by their content, by the rules of those that read them."""

from __future__ import annotations

from typing import Literal

from adapters import image_formats
from adapters.av import video_formats
from adapters.av.video_formats import HEAD_BYTES

__all__ = ["HEAD_BYTES", "Kind", "kind_of"]

Kind = Literal["image", "video"]


def kind_of(head: bytes) -> Kind | None:
    """The kind of a file by its first ``HEAD_BYTES``; None if it is neither or unsupported."""
    # HEIC and AVIF images are in the container of MP4 videos.
    if image_formats.format_of(head) is not None:
        return "image"
    return None if video_formats.format_of(head) is None else "video"
