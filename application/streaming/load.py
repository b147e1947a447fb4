"""Telling when all sessions together ask for more than the machine gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from application.streaming.measures import Measures
from application.streaming.turns import fair_share

_FULL = 0.9
_ROOM = 0.6
_CALM_WINDOWS = 3
_REPLACED = 0.1
_MARGIN = 0.85


@dataclass(frozen=True, slots=True)
class Load:
    """How the machine stands at the end of a window.

    Attributes:
        is_full: whether it is overloaded.
        fair_rate: frames a second that every session can have, 0.1 or more.
        has_room_again: True once, when an overload is over.
    """

    is_full: bool
    fair_rate: float
    has_room_again: bool = False


class LoadWatch:
    """Judges in windows of two seconds, with hysteresis.

    Full: nine tenths of all turns taken, and more than a tenth of the frames let go for newer
    ones. Room again: less than six tenths taken, three windows in a row. The rate recommended
    keeps a margin, so that clients who heed it leave the machine at ease but not yet with room.
    """

    def __init__(self, now_s: float) -> None:
        self._since_s = now_s
        self._is_full = False
        self._calm = 0
        self._before: dict[str, tuple[int, int, int]] = {}

    def review(
        self, running: Mapping[str, Measures], utilisation: float, now_s: float
    ) -> Load | None:
        """Judge the window that ends now; None while nothing can be said.

        Args:
            running: the measures of every session that runs, by session.
            utilisation: of the turns since the last review, in [0, 1].
            now_s: at least two seconds after the last review.
        """
        elapsed = now_s - self._since_s
        if elapsed <= 0:
            return None
        self._since_s = now_s
        counts = {key: (m.admitted, m.processed, m.replaced) for key, m in running.items()}
        gains = [
            tuple(max(now - then, 0) for now, then in zip(count, self._before[key], strict=True))
            for key, count in counts.items()
            if key in self._before
        ]
        self._before = counts
        admitted, processed, replaced = (sum(gain[i] for gain in gains) for i in range(3))
        level = fair_share(processed / elapsed, (gain[0] / elapsed for gain in gains))
        rate = max(round(level * _MARGIN, 1), 0.1)
        if utilisation >= _FULL and admitted and replaced / admitted > _REPLACED:
            self._is_full, self._calm = True, 0
            return Load(True, rate)
        self._calm = self._calm + 1 if utilisation < _ROOM else 0
        if self._is_full and self._calm >= _CALM_WINDOWS:
            self._is_full = False
            return Load(False, rate, has_room_again=True)
        return Load(self._is_full, rate)
