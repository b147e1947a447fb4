"""Tracks faces by position and motion; appearance is not used.

The basis is SORT (Bewley et al. 2016, arXiv:1602.00763): predict each track, match tracks and
detections with the Hungarian method (Kuhn 1955; lapx has the variant of Jonker and Volgenant 1987
and is ten times smaller than SciPy), correct the matched, count the misses of the others. What
differs, and why:

- Overlap is measured by the distance IoU (Zheng et al. 2020, arXiv:1911.08287), IoU less the
  squared distance of the centres over the squared diagonal of the box around both. A small face
  that moves fast does not overlap itself from frame to frame, and IoU alone would lose it.
- SORT forgets a face at its first miss. Here it is kept for a second and a half, and the distance
  at which it may be found again grows with the time it was not seen, as OC-SORT argues it should be
  (Cao et al. 2023, arXiv:2203.14360: errors of the prediction add up while nothing is seen).
- Like ByteTrack (Zhang et al. 2022, arXiv:2110.06864) a box that matches nothing is tentative
  until it is seen again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from lap import lapjv
from numpy.typing import NDArray

from adapters.tracking.track import Track
from domain.face import FaceDetection
from domain.geometry import BoundingBox
from domain.tracking import FaceTrack

_MAX_FACES = 64
_SURVIVAL_S = 1.5
_REACH = 1.0
"""How far from its expected or its last position a face may be found, in sides of the face; grows
by ``_REACH_PER_S`` for each second it was not seen, up to one."""
_REACH_PER_S = 1.0
_MAX_GROWTH = 2.0
"""The factor by which a face may have grown or shrunk when it is found again."""
_UNMATCHED = 1.75
"""The cost of leaving a track without a detection; a possible match costs less than 2.

With a lower cost a track is rather left unmatched than paired with a box that hardly overlaps: a
face that did not move keeps its number, but faces side by side may lose theirs when the camera
turns by most of a face between two detections.
"""


class KalmanFaceTracker:
    """Fulfils ``FaceTracker``. Tracks the 64 largest faces, in about a millisecond."""

    def __init__(self) -> None:
        self._tracks: list[Track] = []
        self._has_detected = False
        self._numbers_given = 0

    @property
    def wants_detection(self) -> bool:
        """Whether a face waits to be confirmed."""
        return any(track.number is None for track in self._tracks)

    @property
    def misses_a_face(self) -> bool:
        """Whether a known face may be found again."""
        return any(track.number is not None and track.misses for track in self._tracks)

    def rescale(self, factor: float) -> None:
        """Scale the tracks; see the port."""
        for track in self._tracks:
            track.rescale(factor)
        self._has_detected = False

    def forget(self) -> None:
        """Start over; see the port."""
        self._tracks.clear()
        self._has_detected = False

    def update(
        self, detections: Sequence[FaceDetection], at_s: float, *, min_size_px: int = 0
    ) -> Sequence[FaceTrack]:
        """Update the tracks with what the detector found; see the port."""
        self._forget(at_s)
        found = list(detections[:_MAX_FACES])
        pairs = _see(self._tracks, found, at_s, min_size_px)
        for row, track in enumerate(self._tracks):
            if row not in pairs:
                track.misses += 1
                continue
            track.misses = 0
            if track.number is None:
                track.number = self._next_number()
        self._forget(at_s)
        taken = set(pairs.values())
        for column, detection in enumerate(found):
            if column not in taken and detection.box.longer_side >= min_size_px:
                self._begin(detection, at_s)
        self._has_detected = True
        return _report(self._tracks, at_s)

    def expected(self, at_s: float) -> Sequence[FaceDetection]:
        """The faces to look for, where they should be now; see the port."""
        return [track.detection_at(at_s) for track in self._expected()]

    def follow(self, seen: Sequence[FaceDetection], at_s: float) -> Sequence[FaceTrack]:
        """Update the tracks of the faces that were looked for; see the port."""
        _see(self._expected(), seen, at_s)
        return _report(self._tracks, at_s)

    def _expected(self) -> list[Track]:
        return [track for track in self._tracks if track.number is not None and track.misses <= 1]

    def _forget(self, at_s: float) -> None:
        self._tracks = [track for track in self._tracks if not _is_over(track, at_s)]

    def _begin(self, detection: FaceDetection, at_s: float) -> None:
        track = Track(detection, at_s)
        if not self._has_detected:
            track.number = self._next_number()
        self._tracks.append(track)

    def _next_number(self) -> int:
        self._numbers_given += 1
        return self._numbers_given


def _see(
    tracks: Sequence[Track], found: Sequence[FaceDetection], at_s: float, min_size_px: int = 0
) -> dict[int, int]:
    """Update the tracks that were seen; returns the detection that continues each, by index."""
    if not tracks or not found:
        return {}
    expected = _corners(track.expected_at(at_s) for track in tracks)
    last = _corners(track.last_box for track in tracks)
    unseen_s = np.array([at_s - track.seen_s for track in tracks])
    cost = _cost(expected, last, _corners(face.box for face in found), unseen_s)
    small = np.array([face.box.longer_side < min_size_px for face in found])
    never_larger = np.array([track.largest_px < min_size_px for track in tracks])
    cost[np.ix_(never_larger, small)] = _UNMATCHED
    _, columns, _ = lapjv(cost, extend_cost=True)
    pairs = {
        row: int(column)
        for row, column in enumerate(columns)
        if column >= 0 and cost[row, column] < _UNMATCHED
    }
    for row, column in pairs.items():
        tracks[row].see(found[column], at_s)
    return pairs


def _is_over(track: Track, at_s: float) -> bool:
    if track.misses == 0:
        return False
    return track.number is None or at_s - track.seen_s > _SURVIVAL_S


def _report(tracks: Iterable[Track], at_s: float) -> list[FaceTrack]:
    shown = [face for track in tracks if (face := track.reported(at_s)) is not None]
    return sorted(shown, key=lambda track: -track.box.area)


def _corners(boxes: Iterable[BoundingBox]) -> NDArray[np.float64]:
    """float64, N x 4: left, top, right, bottom in pixels."""
    return np.array([(box.x, box.y, box.right, box.bottom) for box in boxes], dtype=np.float64)


def _cost(
    expected: NDArray[np.float64],
    last: NDArray[np.float64],
    faces: NDArray[np.float64],
    unseen_s: NDArray[np.float64],
) -> NDArray[np.float64]:
    """One less the distance IoU, tracks x faces; ``_UNMATCHED`` where they cannot be one face.

    A head that turned back is far from where it was expected, but near where it was seen last.
    """
    t, f = expected[:, None, :], faces[None, :, :]
    t_size, f_size = t[..., 2:] - t[..., :2], f[..., 2:] - f[..., :2]
    t_area, f_area = t_size.prod(-1), f_size.prod(-1)
    meet = np.minimum(t[..., 2:], f[..., 2:]) - np.maximum(t[..., :2], f[..., :2])
    common = meet.clip(0).prod(-1)
    around = np.maximum(t[..., 2:], f[..., 2:]) - np.minimum(t[..., :2], f[..., :2])
    apart_squared = _apart_squared(t, f)
    distance_iou = common / (t_area + f_area - common) - apart_squared / (around**2).sum(-1)

    # By the size it was last seen with: a face that is being covered seems to shrink, and its
    # expected size goes on shrinking while it is hidden.
    l_area = (last[:, 2:] - last[:, :2]).prod(-1)[:, None]
    side = np.sqrt((l_area + f_area) / 2)
    reach = side * (_REACH + _REACH_PER_S * unseen_s.clip(0, 1))[:, None]
    growth = np.sqrt(np.maximum(l_area, f_area) / np.minimum(l_area, f_area))
    nearest_squared = np.minimum(apart_squared, _apart_squared(last[:, None, :], f))
    possible = (nearest_squared <= reach**2) & (growth <= _MAX_GROWTH)
    return np.where(possible, 1 - distance_iou, _UNMATCHED)


def _apart_squared(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """The squared distance of the centres."""
    apart = (a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:]) / 2
    return np.asarray((apart**2).sum(-1))
