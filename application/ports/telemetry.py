"""Measurements of the work."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Literal, Protocol

Stage = Literal["decode", "detect", "track", "classify", "store", "upload"]
FrameOutcome = Literal["result", "error", "dropped"]


class Telemetry(Protocol):
    """Takes measurements; never raises and never waits."""

    def stage(self, stage: Stage) -> AbstractContextManager[None]:
        """Time the block as one run of the stage, whether it ends well or raises."""
        ...

    def frame(self, waited_s: float) -> AbstractContextManager[None]:
        """The block analyses one frame of a session, which arrived this many seconds ago."""
        ...

    def faces_found(self, count: int) -> None:
        """An image was analysed and showed this many faces."""
        ...

    def detection_stored(self, *, ok: bool) -> None:
        """A detection reached its stores, or was given up."""
        ...

    def frame_done(self, outcome: FrameOutcome, latency_s: float | None = None) -> None:
        """A frame of a session is finished; with its time from arrival to result if it has one.

        ``error`` is a frame that was answered by an error, ``dropped`` one that was replaced by a
        newer frame or came too soon.
        """
        ...

    def circuit(self, part: str, *, is_open: bool) -> None:
        """The state of the circuit breaker of that part, at the start and at each change."""
        ...

    def certificates_missing(self) -> None:
        """The certificates that sign-ins are checked with could not be fetched."""
        ...

    def stream_sessions(self, open_now: int) -> None:
        """This many realtime sessions are open now."""
        ...
