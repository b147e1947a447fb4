"""Reducing the effort of a session that falls behind, and raising it again when there is room.

Everything here is a pure function of the state so far and of either a new configuration or the
measurements of one window.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from application.sessions.events import Suggestion
from domain.geometry import Size
from domain.session_config import (
    MAX_DETECTION_INTERVAL,
    MIN_FRAME_RATE,
    MIN_PROCESSING_SIDE_PX,
    SessionConfig,
)

_BEHIND = 0.8
"""A session that answers less than this share of the wanted frames falls behind."""
_KEEPS_UP = 0.95
"""A session that answers this share of the wanted frames keeps up."""
_IDLE = 0.5
"""A session that works for at most this share of the time has room for more effort."""
_CALM_WINDOWS = 3
_MAX_CALM_WINDOWS = 24


@dataclass(frozen=True, slots=True)
class Effort:
    """How much work the detector does on a session's frames.

    Attributes:
        resolution: the detector sees the frame scaled down to fit into this.
        interval: it searches every N-th frame.
    """

    resolution: Size
    interval: int

    def as_config(self) -> Mapping[str, object]:
        """The settings that ask for this effort."""
        return {
            "processing_resolution": self.resolution,
            "detection_interval": self.interval,
        }


@dataclass(frozen=True, slots=True)
class Window:
    """Measurements of a session over about two seconds.

    Attributes:
        elapsed_s: length of the window.
        received: frames that came in.
        answered: frames that got a result or an error.
        busy_s: time in which a frame was in work.
    """

    elapsed_s: float
    received: int
    answered: int
    busy_s: float


@dataclass(frozen=True, slots=True)
class Adaptation:
    """The level of effort of a session, and the advice to its client.

    The effort goes down by one level after a window in which less than four fifths of the wanted
    frames were answered. It goes up by one level after three windows in a row in which nearly all
    were answered and half of the time was idle. If it has to go down again, the number of windows
    is doubled, so that a session near its limit does not oscillate.

    If the client follows advice, the settings that it had before are remembered, and are advised
    when there is room again.

    Attributes:
        config: in effect.
        wanted: what the client last asked for on its own, not following advice.
        level: position in ``levels``.
        has_climbed: whether the effort has gone up since it was last at its highest.
        calm_windows: windows in a row, so far, that allow a step up.
        calm_windows_needed: how many the next step up takes.
        advised_resolutions: advised to the client, and not taken back.
        advised_intervals: likewise.
        advised_rate: likewise; None if there is no such advice.
    """

    config: SessionConfig
    wanted: SessionConfig
    level: int = 0
    has_climbed: bool = False
    calm_windows: int = 0
    calm_windows_needed: int = _CALM_WINDOWS
    advised_resolutions: frozenset[Size] = frozenset()
    advised_intervals: frozenset[int] = frozenset()
    advised_rate: float | None = None

    @classmethod
    def starting_with(cls, config: SessionConfig) -> Adaptation:
        """The state of a session that starts with this configuration."""
        return cls(config, wanted=config)

    @property
    def levels(self) -> list[Effort]:
        """The efforts to choose from, the greatest first."""
        return _levels(self.wanted if self.config.auto_adjust else self.config)

    @property
    def effort(self) -> Effort:
        """The effort to make now."""
        return self.levels[self.level]

    @property
    def wanted_rate(self) -> float:
        """The frame rate the client last asked for on its own."""
        return self.wanted.max_frame_rate

    def with_config(self, config: SessionConfig) -> Adaptation:
        """Use another configuration; the level is kept where it still fits."""
        before, old_levels, asked = self.config, self.levels, _effort_of(config)
        state = self._record_config(config)
        if config.max_frame_rate != before.max_frame_rate and not self._follows_rate(config):
            state = replace(state, advised_rate=None)
        if state.levels != old_levels:
            if asked not in state.levels:
                wanted = replace(config, max_frame_rate=state.wanted_rate)
                state = replace(state, wanted=wanted)
            state = replace(
                state,
                level=state.levels.index(asked),
                calm_windows=0,
                calm_windows_needed=_CALM_WINDOWS,
                has_climbed=False,
            )
        elif asked in state.levels and asked != _effort_of(before):
            state = replace(state, level=max(state.level, state.levels.index(asked)))
        return state._without_withdrawn_advice()

    def after(self, window: Window) -> tuple[Adaptation, Suggestion | None]:
        """Evaluate a window: the new state, and a suggestion to the client, if any."""
        wanted = min(window.received / window.elapsed_s, self.config.max_frame_rate)
        served = window.answered / window.elapsed_s
        if served < _BEHIND * wanted:
            return replace(self, calm_windows=0)._fall_back(served)
        is_idle = window.busy_s / window.elapsed_s <= _IDLE
        is_calm = served >= _KEEPS_UP * wanted and is_idle
        calm_windows = self.calm_windows + 1 if is_calm else 0
        if calm_windows < self.calm_windows_needed:
            return replace(self, calm_windows=calm_windows), None
        return replace(self, calm_windows=0)._climb()

    def _fall_back(self, served: float) -> tuple[Adaptation, Suggestion | None]:
        if self.level < len(self.levels) - 1:
            needed = self.calm_windows_needed * (2 if self.has_climbed else 1)
            needed = min(needed, _MAX_CALM_WINDOWS)
            lower = replace(self, level=self.level + 1, calm_windows_needed=needed)
            return lower._advising_effort(
                "the session falls behind; its frames are analysed less closely now"
            )
        if self.advised_rate is not None and not self._follows_rate(self.config):
            return self, None
        rate = max(round(served, 1), MIN_FRAME_RATE)
        state = replace(self, advised_rate=rate)
        advice: dict[str, object] = {"max_frame_rate": rate}
        if not self.config.auto_adjust:
            lower_size = _scaled(self.wanted.processing_resolution, 0.5)
            state = replace(state, advised_resolutions=self.advised_resolutions | {lower_size})
            advice |= {"auto_adjust": True, "processing_resolution": lower_size}
        message = f"the session falls behind; it gets {rate:g} results a second"
        return state, Suggestion(message, advice)

    def _climb(self) -> tuple[Adaptation, Suggestion | None]:
        if self.level > 0:
            higher = replace(self, level=self.level - 1, has_climbed=True)
            return higher._advising_effort(
                "there is room again; frames are analysed more closely now"
            )
        if self.advised_rate is None:
            return replace(self, has_climbed=False, calm_windows_needed=_CALM_WINDOWS), None
        state = replace(self, has_climbed=True, advised_rate=None)
        return state._without_withdrawn_advice(), Suggestion(
            "there is room again for the session as it was configured",
            {"max_frame_rate": self.wanted_rate, **_effort_of(self.wanted).as_config()},
        )

    def _advising_effort(self, message: str) -> tuple[Adaptation, Suggestion]:
        effort = self.effort
        state = replace(
            self,
            advised_resolutions=self.advised_resolutions | {effort.resolution},
            advised_intervals=self.advised_intervals | {effort.interval},
        )
        return state._without_withdrawn_advice(), Suggestion(message, effort.as_config())

    def _record_config(self, config: SessionConfig) -> Adaptation:
        """Note a configuration, and what of it the client wants on its own.

        For a setting that follows advice, the value wanted before stays. A value of the client's
        own ends the advice on that setting.
        """
        before, wanted = self.wanted, config
        resolutions, intervals = self.advised_resolutions, self.advised_intervals
        if self._follows_rate(config):
            wanted = replace(wanted, max_frame_rate=before.max_frame_rate)
        if config.processing_resolution in resolutions:
            wanted = replace(wanted, processing_resolution=before.processing_resolution)
        elif config.processing_resolution != before.processing_resolution:
            resolutions = frozenset()
        if config.detection_interval in intervals:
            wanted = replace(wanted, detection_interval=before.detection_interval)
        elif config.detection_interval != before.detection_interval:
            intervals = frozenset()
        return replace(
            self,
            config=config,
            wanted=wanted,
            advised_resolutions=resolutions,
            advised_intervals=intervals,
        )

    def _follows_rate(self, config: SessionConfig) -> bool:
        return self.advised_rate is not None and config.max_frame_rate <= self.advised_rate

    def _without_withdrawn_advice(self) -> Adaptation:
        """Once all advice is taken back, the same settings count as the client's own."""
        if self.level == 0 and self.advised_rate is None and self.config == self.wanted:
            return replace(self, advised_resolutions=frozenset(), advised_intervals=frozenset())
        return self


def _effort_of(config: SessionConfig) -> Effort:
    return Effort(config.processing_resolution, config.detection_interval)


def _levels(config: SessionConfig) -> list[Effort]:
    steps = [(1.0, 1)]
    if config.auto_adjust:
        steps += [(0.75, 1), (0.5, 1)]
        if config.prioritize_realtime:
            steps += [(0.5, 2), (0.5, 3), (0.5, 5)]
    efforts = [
        Effort(
            _scaled(config.processing_resolution, scale),
            min(config.detection_interval * factor, MAX_DETECTION_INTERVAL),
        )
        for scale, factor in steps
    ]
    return list(dict.fromkeys(efforts))  # Small sizes and long intervals leave no room for steps.


def _scaled(size: Size, scale: float) -> Size:
    width, height = size
    return (
        max(round(width * scale), MIN_PROCESSING_SIDE_PX),
        max(round(height * scale), MIN_PROCESSING_SIDE_PX),
    )
