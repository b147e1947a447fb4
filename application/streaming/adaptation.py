"""Doing less when a session falls behind, and more again when there is room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from application.streaming.events import Suggestion
from application.streaming.measures import Measures
from domain.stream_config import Size, StreamConfig

_WINDOW_S = 2.0
_BEHIND = 0.8
_UP_WITH = 0.95
_FEWEST_FRAMES = 4
_IDLE = 0.5
_CALM_WINDOWS = 3
_MOST_CALM_WINDOWS = 24


@dataclass(frozen=True, slots=True)
class Effort:
    """How closely the detector looks.

    Attributes:
        resolution: it sees the frame scaled down to fit into this.
        interval: it runs on every so many frames.
    """

    resolution: Size
    interval: int

    def as_config(self) -> Mapping[str, object]:
        """The settings that would ask for this effort."""
        return {
            "processing_resolution": list(self.resolution),
            "detection_interval": self.interval,
        }


class Adaptation:
    """Watches a session in windows of two seconds and steps its effort down and up.

    Down after one window in which less than four fifths of the frames wanted got an answer, be it
    a result or an error. Up after three windows in a row in which nearly all did, with at least
    half of the time idle; each relapse doubles the number of windows, so that a session on the
    edge does not swing.
    """

    def __init__(self, config: StreamConfig) -> None:
        self._levels = _levels(config)
        self._config = config
        self._level = 0
        self._has_climbed = False
        self._advised = False
        self._calm = 0
        self._calm_needed = _CALM_WINDOWS
        self._since_s: float | None = None
        self._received = self._answered = 0
        self._busy_s = 0.0

    @property
    def effort(self) -> Effort:
        """The effort to make now."""
        return self._levels[self._level]

    def review(self, measures: Measures, processing_s: float, now_s: float) -> Suggestion | None:
        """Take in one more finished frame; at the end of a window, say what changes."""
        if self._since_s is None:
            self._begin_window(measures, now_s)
            return None
        self._busy_s += processing_s
        elapsed = now_s - self._since_s
        received = measures.received - self._received
        if elapsed < _WINDOW_S or received < _FEWEST_FRAMES:
            return None
        wanted = min(received / elapsed, self._config.max_frame_rate)
        served = (measures.answered - self._answered) / elapsed
        is_idle = self._busy_s / elapsed <= _IDLE
        self._begin_window(measures, now_s)
        if served < _BEHIND * wanted:
            return self._fall_back(served)
        self._calm = self._calm + 1 if served >= _UP_WITH * wanted and is_idle else 0
        return self._climb() if self._calm >= self._calm_needed else None

    def _begin_window(self, measures: Measures, now_s: float) -> None:
        self._since_s = now_s
        self._received = measures.received
        self._answered = measures.answered
        self._busy_s = 0.0

    def _fall_back(self, served: float) -> Suggestion | None:
        self._calm = 0
        if self._level < len(self._levels) - 1:
            self._level += 1
            if self._has_climbed:
                self._calm_needed = min(self._calm_needed * 2, _MOST_CALM_WINDOWS)
            return Suggestion(
                "the session falls behind; its frames are looked at less closely now",
                self.effort.as_config(),
            )
        if self._advised:
            return None
        self._advised = True
        rate = max(round(served, 1), 0.1)
        advice: dict[str, object] = {"max_frame_rate": rate}
        if not self._config.auto_adjust:
            lower = _scaled(self._config.processing_resolution, 0.5)
            advice |= {"auto_adjust": True, "processing_resolution": list(lower)}
        return Suggestion(f"the session falls behind; it gets {rate:g} results a second", advice)

    def _climb(self) -> Suggestion | None:
        self._calm = 0
        if self._level > 0:
            self._level -= 1
            self._has_climbed = True
            return Suggestion(
                "there is room again; frames are looked at more closely now",
                self.effort.as_config(),
            )
        self._has_climbed = False
        self._calm_needed = _CALM_WINDOWS
        if not self._advised:
            return None
        self._advised = False
        return Suggestion(
            "there is room again for the session as it was configured",
            {"max_frame_rate": self._config.max_frame_rate, **self.effort.as_config()},
        )


def _levels(config: StreamConfig) -> list[Effort]:
    steps = [(1.0, 1)]
    if config.auto_adjust:
        steps += [(0.75, 1), (0.5, 1)]
        if config.prioritize_realtime:
            steps += [(0.5, 2), (0.5, 3), (0.5, 5)]
    efforts = [
        Effort(
            _scaled(config.processing_resolution, scale),
            min(config.detection_interval * factor, 30),
        )
        for scale, factor in steps
    ]
    return list(dict.fromkeys(efforts))  # Small sizes and long intervals have no room for steps.


def _scaled(size: Size, scale: float) -> Size:
    width, height = size
    return max(round(width * scale), 64), max(round(height * scale), 64)
