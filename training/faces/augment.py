"""Views for training: images placed, rotated, lit and degraded at random."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from .data import Photo, Photos

_SMALLEST_FACE = 8.0
_LARGEST_ENLARGEMENT = 3.0
_MIRRORED = (1, 0, 2, 4, 3)


@dataclass(frozen=True, slots=True)
class View:
    """One training image.

    Attributes:
        pixels: uint8 (side, side, 3), RGB.
        boxes: float32 (N, 4), left, top, right, bottom in pixels, clipped to the view.
        landmarks: float32 (N, 5, 2).
        seen: float32 (N, 5), 1 for landmarks inside the view.
        is_face: bool (N,); False for a doubtful face.
        empty: float32 (M, 4), places without a face, whatever the teacher says.
    """

    pixels: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    seen: NDArray[np.float32]
    is_face: NDArray[np.bool_]
    empty: NDArray[np.float32]


class Views:
    """Draws views; the same number always gives the same view."""

    def __init__(self, photos: Photos, *, side: int, seed: int) -> None:
        self._photos = photos
        self._side = side
        self._seed = seed
        kinds = np.array([row["kind"] for row in photos.rows])
        has_face = np.array([bool((labels.agreed == 1).any()) for labels in photos.labels])
        self._with_faces = np.flatnonzero((kinds == "face") & has_face)
        self._without = np.flatnonzero(kinds == "none")
        self._deceptive = np.flatnonzero(kinds == "none-hard")

    def view(self, number: int) -> View:
        """One image that fills the view, or a mosaic: small faces, and more of them in a view."""
        rng = np.random.default_rng([self._seed, number])
        side = self._side
        parts_a_row = int(rng.choice([1, 2, 3], p=[0.45, 0.37, 0.18]))
        sizes = ((14.0, 1.3 * side), (11.0, 0.65 * side), (9.0, 0.3 * side))[parts_a_row - 1]
        edges = [_edges(side, parts_a_row, rng) for _ in range(2)]
        pixels = np.empty((side, side, 3), np.uint8)
        parts = []
        for top, bottom in pairwise(edges[0]):
            for left, right in pairwise(edges[1]):
                part = _placed(self._photo(rng), right - left, bottom - top, sizes, rng)
                pixels[top:bottom, left:right] = part.pixels
                corner = np.array([left, top], np.float32)
                twice = np.tile(corner, 2)
                parts.append(
                    replace(
                        part,
                        boxes=part.boxes + twice,
                        landmarks=part.landmarks + corner,
                        empty=part.empty + twice,
                    )
                )
        boxes = np.concatenate([part.boxes for part in parts])
        return View(
            _developed(_occluded(pixels, boxes, rng), rng),
            boxes,
            np.concatenate([part.landmarks for part in parts]),
            np.concatenate([part.seen for part in parts]),
            np.concatenate([part.is_face for part in parts]),
            np.concatenate([part.empty for part in parts]),
        )

    def _photo(self, rng: np.random.Generator) -> Photo:
        draw = rng.random()
        group = self._with_faces
        if draw < 0.1:
            group = self._deceptive
        elif draw < 0.32:
            group = self._without
        return self._photos[int(rng.choice(group))]


def _edges(side: int, parts: int, rng: np.random.Generator) -> list[int]:
    inner = [side * (part + rng.uniform(-0.15, 0.15)) / parts for part in range(1, parts)]
    return [0, *(round(edge) for edge in inner), side]


def _placed(
    photo: Photo, width: int, height: int, sizes: tuple[float, float], rng: np.random.Generator
) -> View:
    """A part of an image, turned and scaled so that one of its faces gets a random size."""
    labels = photo.labels
    faces = np.flatnonzero(labels.agreed == 1) if photo.kind == "face" else np.array([], int)
    rows, columns = photo.pixels.shape[:2]
    if len(faces):
        box = labels.boxes[rng.choice(faces)]
        size = float(np.sqrt((box[2] - box[0]) * (box[3] - box[1])))
        scale = np.exp(rng.uniform(*np.log(sizes))) / size
        scale = min(scale, _LARGEST_ENLARGEMENT)
        anchor = (box[:2] + box[2:]) / 2
        if rng.random() < 0.2:  # what stands around people, more than around faces
            anchor = np.array([rng.uniform(0, columns), rng.uniform(0, rows)])
        # The face lies anywhere, now and then over the edge.
        spread = 0.5 * size * scale * rng.choice([-1.0, 0.5], p=[0.86, 0.14])
        place = [
            rng.uniform(-spread, side + spread) if side + 2 * spread > 0 else side / 2
            for side in (width, height)
        ]
        if rng.random() < 0.85:
            place = _covering(
                place, anchor * scale, np.array([columns, rows]) * scale, width, height
            )
    else:
        scale = np.exp(rng.uniform(np.log(0.25), np.log(2.5)))
        anchor = np.array([rng.uniform(0, columns), rng.uniform(0, rows)])
        place = [width / 2, height / 2]
    angle = rng.uniform(-48, 48) if rng.random() < 0.25 else rng.normal(0, 6)
    mirrored = rng.random() < 0.5
    aspect = np.exp(rng.normal(0, 0.05))
    turn = np.deg2rad(angle)
    matrix = scale * np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    matrix = np.diag([aspect, 1 / aspect]) @ matrix
    if mirrored:
        matrix = matrix @ np.diag([-1.0, 1.0])
    offset = np.array(place) - matrix @ anchor
    pixels = _warped(photo, matrix, offset, scale, (width, height), rng)
    boxes, landmarks = _moved(labels.boxes, labels.landmarks, matrix, offset, angle)
    if mirrored:
        landmarks = landmarks[:, _MIRRORED]
    return _labelled(pixels, boxes, landmarks, labels.agreed, photo.kind == "face")


def _covering(
    place: list[float],
    anchor: NDArray[np.float64],
    extent: NDArray[np.float64],
    width: int,
    height: int,
) -> list[float]:
    """The place moved so that the image covers the view, if it is large enough."""
    moved = []
    for at, before, whole, side in zip(place, anchor, extent, (width, height), strict=True):
        least, most = side - (whole - before), before
        moved.append(float(np.clip(at, least, most)) if least <= most else at)
    return moved


def _warped(
    photo: Photo,
    matrix: NDArray[np.float64],
    offset: NDArray[np.float64],
    scale: float,
    size: tuple[int, int],
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    # warpAffine does not average: start from the smallest level that need not be shrunk much.
    level = min(max(int(np.log2(1.2 / scale)), 0), len(photo.pyramid) - 1)
    pixels = photo.pyramid[level]
    ratio = np.array(photo.pixels.shape[1::-1]) / pixels.shape[1::-1]
    matrix = matrix @ np.diag(ratio)
    border = rng.choice([cv2.BORDER_CONSTANT, cv2.BORDER_REPLICATE], p=[0.8, 0.2])
    fill = (0, 0, 0) if rng.random() < 0.5 else tuple(int(v) for v in rng.integers(0, 256, 3))
    return np.asarray(
        cv2.warpAffine(
            pixels,
            np.column_stack([matrix, offset]),
            size,
            flags=cv2.INTER_LINEAR,
            borderMode=int(border),
            borderValue=fill,
        ),
        np.uint8,
    )


def _moved(
    boxes: NDArray[np.float32],
    landmarks: NDArray[np.float32],
    matrix: NDArray[np.float64],
    offset: NDArray[np.float64],
    angle: float,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Boxes and points after the rotation: a face counts as the ellipse that fills its box."""
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2 @ matrix.T + offset
    halves = (boxes[:, 2:] - boxes[:, :2]) / 2
    reach = np.sqrt((halves**2) @ (matrix**2).T)
    moved = np.concatenate([middles - reach, middles + reach], 1)
    return moved.astype(np.float32), (landmarks @ matrix.T + offset).astype(np.float32)


def _labelled(
    pixels: NDArray[np.uint8],
    boxes: NDArray[np.float32],
    landmarks: NDArray[np.float32],
    agreed: NDArray[np.int8],
    has_faces: bool,
) -> View:
    """The visible labels: boxes clipped, faces mostly outside the view left out."""
    height, width = pixels.shape[:2]
    clipped = np.clip(boxes, 0, np.array([width, height, width, height], np.float32))
    whole = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    visible = (clipped[:, 2:] - clipped[:, :2]).prod(1) / np.maximum(whole, 1e-6)
    size = np.sqrt(np.maximum((clipped[:, 2:] - clipped[:, :2]).prod(1), 0))
    is_face = (agreed == 1) & (visible > 0.5) & (size >= _SMALLEST_FACE)
    present = (agreed >= 0) & (visible > 0.02)
    is_inside = (landmarks >= 0) & (landmarks < np.array([width, height]))
    inside = np.asarray(is_inside.all(-1), np.float32)
    return View(
        pixels,
        clipped[present],
        landmarks[present],
        inside[present],
        is_face[present],
        clipped[agreed == -1] if has_faces else np.array([[0, 0, width, height]], np.float32),
    )


def _occluded(
    pixels: NDArray[np.uint8], boxes: NDArray[np.float32], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """A flat object in front of a part of a face, like hands, masks and microphones."""
    for box in boxes:
        if rng.random() > 0.04:
            continue
        extent = box[2:] - box[:2]
        size = np.maximum(extent * rng.uniform(0.2, 0.45, 2), 1)
        left, top = (box[:2] + rng.uniform(0, 1, 2) * (extent - size)).astype(int)
        right, bottom = int(left + size[0]) + 1, int(top + size[1]) + 1
        pixels[max(top, 0) : bottom, max(left, 0) : right] = rng.integers(0, 256, 3)
    return pixels


def _developed(pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Light, colour, lens, sensor and codec."""
    values = np.arange(256, dtype=np.float32) / 255
    curve = values ** np.exp(rng.normal(0, 0.22))
    curve = (curve - 0.5) * np.exp(rng.normal(0, 0.15)) + 0.5 + rng.normal(0, 0.04)
    if rng.random() < 0.06:  # low light
        curve = curve * rng.uniform(0.12, 0.5)
    casts = np.exp(rng.normal(0, 0.08, 3)) if rng.random() < 0.5 else np.ones(3)
    table = np.clip(curve[:, None] * casts * 255, 0, 255).astype(np.uint8)
    pixels = cv2.LUT(pixels, table[:, None].transpose(1, 0, 2).reshape(1, 256, 3))
    if rng.random() < 0.2:
        pixels = cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    draw = rng.random()
    if draw < 0.07:
        pixels = cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.5, 1.4))
    elif draw < 0.1:  # a hand that shakes
        length = int(rng.integers(3, 8))
        kernel = np.zeros((length, length), np.float32)
        way = rng.integers(0, 3)
        if way == 2:
            np.fill_diagonal(kernel, 1 / length)
        else:
            kernel[(length // 2, slice(None))[way], (slice(None), length // 2)[way]] = 1 / length
        pixels = cv2.filter2D(pixels, -1, kernel)
    if rng.random() < 0.15:
        noise = np.empty(pixels.shape, np.int16)
        cv2.randn(noise, 0, rng.uniform(3, 16))
        pixels = np.clip(pixels + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.25:
        quality = int(rng.integers(25, 90))
        _, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
        pixels = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
    return np.asarray(pixels, np.uint8)
