"""Detecting cuts between the shots of a video."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ROWS, _COLUMNS = 9, 16
_BINS = 32
# Both have to change: a panning camera changes only the layout, and a lamp only the levels.
_LEAST_CHANGE = 0.10
_MOST_SHARED_LEVELS = 0.72


class CutDetector:
    """Counts the cuts before each frame of a video, in order.

    A cut is where both the coarse layout of the frame and its distribution of grey levels change at
    once (H. Zhang, A. Kankanhalli, S. Smoliar, "Automatic partitioning of full-motion video",
    1993).
    """

    def __init__(self) -> None:
        self._scene = 0
        self._before: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None

    def scene_of(self, pixels: NDArray[np.uint8]) -> int:
        """The number of the scene that the next frame belongs to, from 0.

        Args:
            pixels: uint8 (height, width, 3), RGB.
        """
        height, width = pixels.shape[:2]
        step = max(min(height // 72, width // 128), 1)
        gray = pixels[::step, ::step].mean(axis=2, dtype=np.float32) / 255
        layout, levels = _layout(gray), _levels(gray)
        if self._before is not None:
            change = float(np.abs(layout - self._before[0]).mean())
            shared = float(np.minimum(levels, self._before[1]).sum())
            if change > _LEAST_CHANGE and shared < _MOST_SHARED_LEVELS:
                self._scene += 1
        self._before = layout, levels
        return self._scene


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
