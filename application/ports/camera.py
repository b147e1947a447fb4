"""A camera that an operator watches."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from application.ports.video_reader import VideoFrame


class Camera(Protocol):
    """Returns the newest frame of a camera on request; frames in between are dropped."""

    def frames(self, source: str) -> AsyncGenerator[VideoFrame, None]:
        """Connect, and yield frames as they come, each once; ``time_s`` counts from the first.

        Args:
            source: the number of a device, or an address that begins with ``rtsp://``.

        Raises:
            InvalidRequest: the source is neither.
            OSError: the camera cannot be reached, or does not answer any more.
        """
        ...
