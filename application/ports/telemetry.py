"""Measurements of how the work goes."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Literal, Protocol

Stage = Literal["decode", "detect", "classify", "store", "upload"]


class Telemetry(Protocol):
    """Takes measurements; never raises and never waits."""

    def stage(self, stage: Stage) -> AbstractContextManager[None]:
        """Time the block as one run of the stage, whether it ends well or raises."""
        ...

    def faces_found(self, count: int) -> None:
        """An image was analysed and showed this many faces."""
        ...

    def detection_stored(self, *, ok: bool) -> None:
        """A detection reached its stores, or was given up."""
        ...
