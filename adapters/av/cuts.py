"""Detecting cuts and dissolves between the shots of a video."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Grey levels are in [0, 1] throughout.
_ROWS, _COLUMNS = 9, 16
_BINS = 32
_MIN_LAYOUT_CHANGE = 0.10
"""A cut changes the layout by more than this in the mean; a lamp does not."""
_MAX_SHARED_LEVELS = 0.72
"""A cut leaves less than this share of the histogram unchanged; a panning camera leaves more."""
_SAME_SCENE_CORRELATION = 0.9
"""Frames whose layouts correlate by this or more show one scene, perhaps in another light."""
_OTHER_SCENE_CORRELATION = 0.5
"""Frames whose layouts correlate by less than this show different scenes."""
_BLANK_MAX_STD, _BLACK_MAX_MEAN, _WHITE_MIN_MEAN = 0.03, 0.08, 0.92
"""Limits on the layout of a frame that is black or white all over."""
_DISSOLVE_STEP_S, _DISSOLVE_STEPS = 0.2, 9
_MAX_RESIDUAL = 0.2
"""How far, relative to the whole change, a frame of a dissolve may be from the nearest mixture of
the first and the last frame. Dissolves between photographs had up to 0.08; panned, tilted and
zoomed photographs had 0.35 and more."""
_MIN_SHARE = 0.2
"""At least one frame of a dissolve shows this much of both the first and the last frame."""


@dataclass(frozen=True, slots=True)
class _Signature:
    """What two frames are compared by.

    Attributes:
        layout: mean grey level of each field of a coarse grid; float32 (9, 16), in [0, 1].
        levels: histogram of the grey levels; float32 (32,), sums to 1.
    """

    layout: NDArray[np.float32]
    levels: NDArray[np.float32]

    @property
    def is_blank(self) -> bool:
        """Whether the frame is black or white all over."""
        is_even = self.layout.std() < _BLANK_MAX_STD
        return bool(is_even and not _BLACK_MAX_MEAN < self.layout.mean() < _WHITE_MIN_MEAN)

    def differs_from(self, other: _Signature) -> bool:
        """Whether layout and levels have both changed."""
        change = float(np.abs(self.layout - other.layout).mean())
        shared = float(np.minimum(self.levels, other.levels).sum())
        return change > _MIN_LAYOUT_CHANGE and shared < _MAX_SHARED_LEVELS

    def correlation(self, other: _Signature) -> float:
        """Pearson's correlation of the layouts, in [-1, 1]; near 0 if one of them is even."""
        one, two = self.layout, other.layout
        covariance = float(((one - one.mean()) * (two - two.mean())).mean())
        return covariance / max(float(one.std() * two.std()), 1e-4)


class CutDetector:
    """Numbers the scenes of a video, one frame after the other.

    A new scene begins where both the coarse layout of the frame and its histogram of grey levels
    change at once (H. Zhang, A. Kankanhalli, S. Smoliar, "Automatic partitioning of full-motion
    video", 1993), unless the layouts correlate: then only the light has changed. Black and white
    frames (flashes, slates, fades) are no scene of their own: the frames before and after them are
    compared.

    A new scene also begins with a dissolve, which is a series of frames within two seconds that are
    mixtures of the first and the last one. Where a camera or people move, the frames in between are
    no such mixtures.

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
            pixels: of the frame; uint8 (height, width, 3), RGB.
        """
        signature = _signature_of(pixels)
        if signature.is_blank:
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
        correlation = signature.correlation(before)
        if self._was_blank:
            return correlation < _OTHER_SCENE_CORRELATION
        return correlation < _SAME_SCENE_CORRELATION and signature.differs_from(before)


def _is_dissolve(signatures: Sequence[_Signature]) -> bool:
    """Whether the last frame ends a dissolve that begins with one of the frames before."""
    last = signatures[-1]
    return any(
        last.correlation(first) < _OTHER_SCENE_CORRELATION
        and last.differs_from(first)
        and _are_mixtures(signatures[number + 1 : -1], first, last)
        for number, first in enumerate(signatures[:-2])
    )


def _are_mixtures(between: Sequence[_Signature], first: _Signature, last: _Signature) -> bool:
    """Whether each layout in between is nearly a mixture of the first and the last one.

    Each is projected onto the straight line from the first layout to the last one.
    """
    whole = last.layout - first.layout
    squared_length = float((whole**2).sum())
    shares = []
    for signature in between:
        part = signature.layout - first.layout
        share = float((part * whole).sum()) / squared_length
        residual = float(((part - share * whole) ** 2).sum()) / squared_length
        if residual > _MAX_RESIDUAL**2:
            return False
        shares.append(share)
    return any(_MIN_SHARE <= share <= 1 - _MIN_SHARE for share in shares)


def _signature_of(pixels: NDArray[np.uint8]) -> _Signature:
    height, width = pixels.shape[:2]
    step = max(min(height // 72, width // 128), 1)
    grey = pixels[::step, ::step].mean(axis=2, dtype=np.float32) / 255
    return _Signature(_layout(grey), _levels(grey))


def _layout(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    rows = np.linspace(0, grey.shape[0], _ROWS + 1).astype(int)[:-1]
    columns = np.linspace(0, grey.shape[1], _COLUMNS + 1).astype(int)[:-1]
    rows, columns = np.unique(rows), np.unique(columns)
    sums = np.add.reduceat(np.add.reduceat(grey, rows, axis=0), columns, axis=1)
    ones = np.add.reduceat(np.add.reduceat(np.ones_like(grey), rows, axis=0), columns, axis=1)
    return np.asarray(sums / ones, np.float32)


def _levels(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    counts, _ = np.histogram(grey, bins=_BINS, range=(0, 1))
    return np.asarray(counts / max(grey.size, 1), np.float32)
