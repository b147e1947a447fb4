"""Detecting cuts between the shots of a video."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ROWS, _COLUMNS = 9, 16
_BINS = 32
# Both have to change: a panning camera changes only the layout, and a lamp only the levels.
_LEAST_CHANGE = 0.10
_MOST_SHARED_LEVELS = 0.72
_SAME_LAYOUT = 0.9
"""The correlation of layouts from which only the light has changed."""
_OTHER_LAYOUT = 0.5
"""The correlation below which the layouts before and after a blank show other scenes."""
_EVEN, _DARK, _BRIGHT = 0.03, 0.08, 0.92
"""Standard deviation and means, of 1, of the layout of a black or white frame."""


class CutDetector:
    """Counts the cuts before each frame of a video, in order.

    A cut is where both the coarse layout of the frame and its distribution of grey levels change at
    once (H. Zhang, A. Kankanhalli, S. Smoliar, "Automatic partitioning of full-motion video",
    1993). Layouts are also compared by their correlation, which light does not change. Black and
    white frames (flashes, slates, fades) are no scene of their own: the frames before and after
    them are compared.
    """

    def __init__(self) -> None:
        self._scene = 0
        self._before: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None
        self._was_blank = False

    def scene_of(self, pixels: NDArray[np.uint8]) -> int:
        """The number of the scene that the next frame belongs to, from 0.

        Args:
            pixels: uint8 (height, width, 3), RGB.
        """
        height, width = pixels.shape[:2]
        step = max(min(height // 72, width // 128), 1)
        gray = pixels[::step, ::step].mean(axis=2, dtype=np.float32) / 255
        layout, levels = _layout(gray), _levels(gray)
        if layout.std() < _EVEN and not _DARK < layout.mean() < _BRIGHT:
            self._was_blank = True
            return self._scene
        if self._before is not None and self._is_cut(layout, levels, *self._before):
            self._scene += 1
        self._before, self._was_blank = (layout, levels), False
        return self._scene

    def _is_cut(
        self,
        layout: NDArray[np.float32],
        levels: NDArray[np.float32],
        layout_before: NDArray[np.float32],
        levels_before: NDArray[np.float32],
    ) -> bool:
        likeness = _likeness(layout, layout_before)
        if self._was_blank:
            return likeness < _OTHER_LAYOUT
        change = float(np.abs(layout - layout_before).mean())
        shared = float(np.minimum(levels, levels_before).sum())
        return change > _LEAST_CHANGE and shared < _MOST_SHARED_LEVELS and likeness < _SAME_LAYOUT


def _likeness(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """The correlation of two layouts; near 0 where one of them is even."""
    common = float(((one - one.mean()) * (other - other.mean())).mean())
    return common / max(float(one.std() * other.std()), 1e-4)


def _layout(gray: NDArray[np.float32]) -> NDArray[np.float32]:
    rows = np.linspace(0, gray.shape[0], _ROWS + 1).astype(int)[:-1]
    columns = np.linspace(0, gray.shape[1], _COLUMNS + 1).astype(int)[:-1]
    rows, columns = np.unique(rows), np.unique(columns)
    sums = np.add.reduceat(np.add.reduceat(gray, rows, axis=0), columns, axis=1)
    ones = np.add.reduceat(np.add.reduceat(np.ones_like(gray), rows, axis=0), columns, axis=1)
    return np.asarray(sums / ones, np.float32)


def _levels(gray: NDArray[np.float32]) -> NDArray[np.float32]:
    counts, _ = np.histogram(gray, bins=_BINS, range=(0, 1))
    return np.asarray(counts / max(gray.size, 1), np.float32)
