"""Detecting cuts and dissolves between the shots of a video."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

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
"""The correlation of layouts below which they show other scenes, whatever lies between them."""
_EVEN, _DARK, _BRIGHT = 0.03, 0.08, 0.92
"""Standard deviation and means, of 1, of the layout of a black or white frame."""
_DISSOLVE_STEP_S, _DISSOLVE_STEPS = 0.2, 9
_LARGEST_REST = 0.2
"""Of a dissolve: what of a frame is no mixture of first and last, of 1. Dissolves between
photographs had up to 0.08, panned, tilted and zoomed photographs 0.35 and more."""
_MIXED = 0.2
"""The share of each that a frame in the middle of a dissolve has at least."""


@dataclass(frozen=True, slots=True)
class _Signature:
    """The coarse layout of a frame (9 x 16 grey levels) and its distribution of grey levels."""

    layout: NDArray[np.float32]
    levels: NDArray[np.float32]

    def differs_from(self, other: _Signature) -> bool:
        """Whether layout and levels have both changed."""
        change = float(np.abs(self.layout - other.layout).mean())
        shared = float(np.minimum(self.levels, other.levels).sum())
        return change > _LEAST_CHANGE and shared < _MOST_SHARED_LEVELS

    def likeness(self, other: _Signature) -> float:
        """The correlation of the layouts; near 0 where one of them is even."""
        one, two = self.layout, other.layout
        common = float(((one - one.mean()) * (two - two.mean())).mean())
        return common / max(float(one.std() * two.std()), 1e-4)


class CutDetector:
    """Counts the cuts before each frame of a video, in order.

    A cut is where both the coarse layout of the frame and its distribution of grey levels change at
    once (H. Zhang, A. Kankanhalli, S. Smoliar, "Automatic partitioning of full-motion video",
    1993). Layouts are also compared by their correlation, which light does not change. Black and
    white frames (flashes, slates, fades) are no scene of their own: the frames before and after
    them are compared. Within two seconds, frames that are mixtures of the first and the last one
    are a dissolve; where a camera or people move, the frames between are no mixtures.

    Args:
        every_s: seconds between two frames.
    """

    def __init__(self, every_s: float) -> None:
        self._scene = 0
        self._before: _Signature | None = None
        self._was_blank = False
        self._around_cut: list[_Signature] = []
        self._recent: deque[_Signature] = deque(maxlen=_DISSOLVE_STEPS)
        self._step = max(round(_DISSOLVE_STEP_S / every_s), 1)
        self._frames = 0

    def scene_of(self, pixels: NDArray[np.uint8]) -> int:
        """The number of the scene that the next frame belongs to, from 0.

        Args:
            pixels: uint8 (height, width, 3), RGB.
        """
        height, width = pixels.shape[:2]
        step = max(min(height // 72, width // 128), 1)
        gray = pixels[::step, ::step].mean(axis=2, dtype=np.float32) / 255
        signature = _Signature(_layout(gray), _levels(gray))
        if signature.layout.std() < _EVEN and not _DARK < signature.layout.mean() < _BRIGHT:
            self._was_blank = True
            return self._scene
        # The frame in the middle of a short dissolve is a cut already.
        is_second_half = _is_dissolve([*self._around_cut, signature])
        self._around_cut = []
        if self._is_cut(signature) or _is_dissolve([*self._recent, signature]):
            if not is_second_half:
                self._scene += 1
                self._around_cut = [each for each in (self._before, signature) if each is not None]
            self._recent.clear()
        self._before, self._was_blank = signature, False
        if self._frames % self._step == 0:
            self._recent.append(signature)
        self._frames += 1
        return self._scene

    def _is_cut(self, signature: _Signature) -> bool:
        before = self._before
        if before is None:
            return False
        likeness = signature.likeness(before)
        if self._was_blank:
            return likeness < _OTHER_LAYOUT
        return likeness < _SAME_LAYOUT and signature.differs_from(before)


def _is_dissolve(signatures: Sequence[_Signature]) -> bool:
    last = signatures[-1]
    return any(
        last.likeness(first) < _OTHER_LAYOUT
        and last.differs_from(first)
        and _are_mixtures(signatures[number + 1 : -1], first, last)
        for number, first in enumerate(signatures[:-2])
    )


def _are_mixtures(between: Sequence[_Signature], first: _Signature, last: _Signature) -> bool:
    whole = last.layout - first.layout
    power = float((whole**2).sum())
    shares = []
    for signature in between:
        part = signature.layout - first.layout
        share = float((part * whole).sum()) / power
        rest = float(((part - share * whole) ** 2).sum()) / power
        if rest > _LARGEST_REST**2:
            return False
        shares.append(share)
    return any(_MIXED <= share <= 1 - _MIXED for share in shares)


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
