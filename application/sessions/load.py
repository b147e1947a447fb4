"""Detecting when all sessions together ask for more than the machine can do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from application.sessions.measures import Measures

_FULL_UTILISATION = 0.9
_FULL_SERVED_SHARE = 0.9
_CALM_UTILISATION = 0.6
_CALM_WINDOWS = 3
_MARGIN = 0.85


class LoadWatch:
    """Evaluates windows of two seconds, with hysteresis.

    The machine is full when at least nine tenths of all slots are in use and less than nine tenths
    of the wanted frames are answered. It has room again after three windows in a row with less than
    six tenths of the slots in use. The recommended rate is 15 % lower than what was served: so the
    overload ends once clients follow it, while more than six tenths stay in use.

    Attributes:
        fair_rate: frames a second that every session can get, at least 0.1; from the last window
            in which the machine was full, because a quiet one shows the demand and not the
            capacity.
    """

    def __init__(self, now_s: float) -> None:
        self.fair_rate = 0.1
        self._since_s = now_s
        self._is_full = False
        self._calm = 0
        self._before: dict[str, tuple[int, int]] = {}

    def review(
        self, running: Mapping[str, tuple[Measures, float]], utilisation: float, now_s: float
    ) -> Literal["full", "room again"] | None:
        """Evaluate the window that ends now.

        Args:
            running: the measures of each session, and the frame rate it is configured for.
            utilisation: of the slots since the last review, in [0, 1].
            now_s: at least two seconds after the last review.

        Returns:
            "full" after each window until there is room again, "room again" after that one, and
            None as long as there is room.
        """
        elapsed_s = now_s - self._since_s
        if elapsed_s <= 0:
            return None
        self._since_s = now_s
        wanted: list[float] = []
        served = 0.0
        for key, (measures, max_frame_rate) in running.items():
            received, answered = self._before.get(key, (0, 0))
            rate = max(measures.received - received, 0) / elapsed_s
            wanted.append(min(rate, max_frame_rate))
            served += max(measures.answered - answered, 0) / elapsed_s
        self._before = {key: (each.received, each.answered) for key, (each, _) in running.items()}
        if utilisation >= _FULL_UTILISATION and served < _FULL_SERVED_SHARE * sum(wanted):
            self._is_full, self._calm = True, 0
            self.fair_rate = max(round(fair_share(served, wanted) * _MARGIN, 1), 0.1)
        else:
            self._calm = self._calm + 1 if utilisation < _CALM_UTILISATION else 0
            if self._is_full and self._calm >= _CALM_WINDOWS:
                self._is_full = False
                return "room again"
        return "full" if self._is_full else None


def fair_share(capacity: float, demands: Iterable[float]) -> float:
    """The max-min fair level: everybody gets this much, or all they ask for.

    Args:
        capacity: the total to share.
        demands: what each asks for.

    Returns:
        The level; where the capacity covers everything, the largest demand.
    """
    waiting: Sequence[float] = sorted(demands)
    left = capacity
    for served, demand in enumerate(waiting):
        level = left / (len(waiting) - served)
        if demand >= level:
            return level
        left -= demand
    return waiting[-1] if waiting else 0.0
