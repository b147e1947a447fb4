"""Doing less when a session falls behind, and more again when there is room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from application.sessions.events import Suggestion
from application.sessions.measures import Measures
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

    Settings that were advised and then asked for are not the client's own wish: those it had before
    are remembered, and are what the way up leads to.
    """

    def __init__(self, config: StreamConfig) -> None:
        self._config = self._wanted = config
        self._levels = _levels(config)
        self._level = 0
        self._has_climbed = False
        self._calm = 0
        self._calm_needed = _CALM_WINDOWS
        self._since_s: float | None = None
        self._received = self._answered = 0
        self._busy_s = 0.0
        self._advised_resolutions: set[Size] = set()
        self._advised_intervals: set[int] = set()
        self._advised_rate: float | None = None

    @property
    def effort(self) -> Effort:
        """The effort to make now."""
        return self._levels[self._level]

    @property
    def wanted_rate(self) -> float:
        """The frame rate the client asked for when it followed no advice."""
        return self._wanted.max_frame_rate

    def configure(self, config: StreamConfig) -> None:
        """Go by another configuration; how far down the session is stays where it still fits."""
        before, self._config = self._config, config
        self._since_s = None
        self._wanted = self._without_advice(config)
        if config.max_frame_rate != before.max_frame_rate and not self._heeds_rate(config):
            self._advised_rate = None
        levels = _levels(self._wanted if config.auto_adjust else config)
        asked = _asked(config)
        if levels != self._levels:
            if asked not in levels:
                self._wanted = replace(config, max_frame_rate=self.wanted_rate)
                levels = _levels(config)
            self._levels, self._level = levels, levels.index(asked)
            self._calm, self._calm_needed, self._has_climbed = 0, _CALM_WINDOWS, False
        elif asked in levels and asked != _asked(before):
            self._level = max(self._level, levels.index(asked))
        self._forget_advice_taken_back()

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
            return self._with_effort(
                "the session falls behind; its frames are looked at less closely now"
            )
        if self._advised_rate is not None and not self._heeds_rate(self._config):
            return None
        rate = max(round(served, 1), 0.1)
        self._advised_rate = rate
        advice: dict[str, object] = {"max_frame_rate": rate}
        if not self._config.auto_adjust:
            lower = _scaled(self._wanted.processing_resolution, 0.5)
            self._advised_resolutions.add(lower)
            advice |= {"auto_adjust": True, "processing_resolution": list(lower)}
        return Suggestion(f"the session falls behind; it gets {rate:g} results a second", advice)

    def _climb(self) -> Suggestion | None:
        self._calm = 0
        if self._level > 0:
            self._level -= 1
            self._has_climbed = True
            return self._with_effort("there is room again; frames are looked at more closely now")
        if self._advised_rate is None:
            self._has_climbed = False
            self._calm_needed = _CALM_WINDOWS
            return None
        self._has_climbed = True
        self._advised_rate = None
        self._forget_advice_taken_back()
        return Suggestion(
            "there is room again for the session as it was configured",
            {"max_frame_rate": self.wanted_rate, **_asked(self._wanted).as_config()},
        )

    def _with_effort(self, message: str) -> Suggestion:
        self._advised_resolutions.add(self.effort.resolution)
        self._advised_intervals.add(self.effort.interval)
        self._forget_advice_taken_back()
        return Suggestion(message, self.effort.as_config())

    def _without_advice(self, config: StreamConfig) -> StreamConfig:
        """The configuration with what the client had before in place of what it was advised.

        A wish of its own ends the advice.
        """
        wanted = self._wanted
        if self._heeds_rate(config):
            config = replace(config, max_frame_rate=wanted.max_frame_rate)
        if config.processing_resolution in self._advised_resolutions:
            config = replace(config, processing_resolution=wanted.processing_resolution)
        elif config.processing_resolution != wanted.processing_resolution:
            self._advised_resolutions.clear()
        if config.detection_interval in self._advised_intervals:
            config = replace(config, detection_interval=wanted.detection_interval)
        elif config.detection_interval != wanted.detection_interval:
            self._advised_intervals.clear()
        return config

    def _heeds_rate(self, config: StreamConfig) -> bool:
        return self._advised_rate is not None and config.max_frame_rate <= self._advised_rate

    def _forget_advice_taken_back(self) -> None:
        """From here on the same settings are the client's own wish."""
        if self._level == 0 and self._advised_rate is None and self._config == self._wanted:
            self._advised_resolutions.clear()
            self._advised_intervals.clear()


def _asked(config: StreamConfig) -> Effort:
    return Effort(config.processing_resolution, config.detection_interval)


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
