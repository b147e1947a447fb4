"""Measurements of the work."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Literal, Protocol

Stage = Literal["decode", "detect", "follow", "track", "classify", "store", "upload"]
FrameOutcome = Literal["result", "error", "dropped"]
Event = Literal[
    "image_analysed",
    "face_read",
    "detection_stored",
    "detection_given_up",
    "certificate_fetch_failed",
]
"""What is counted: a detection is stored once record and image are in their stores; certificates
are those that sign-ins are checked with."""


class Telemetry(Protocol):
    """Takes measurements; never raises and never waits."""

    def stage(self, stage: Stage) -> AbstractContextManager[None]:
        """Time the block as one run of the stage, whether it ends well or raises."""
        ...

    def frame(self, waited_s: float) -> AbstractContextManager[None]:
        """The block analyses one frame of a session, which arrived this many seconds ago."""
        ...

    def count(self, event: Event, times: int = 1) -> None:
        """Something happened, 0 or more times."""
        ...

    def frame_done(self, outcome: FrameOutcome, latency_s: float | None = None) -> None:
        """A frame of a session is finished; with its time from arrival to result if it has one.

        ``error`` is a frame that was answered by an error, ``dropped`` one that was replaced by a
        newer one, waited when the session stopped, or was in work when the client disconnected.
        """
        ...

    def circuit(self, part: str, *, is_open: bool) -> None:
        """The state of the circuit breaker of that part, at the start and at each change."""
        ...
