"""Views for training: images placed, rotated, lit and degraded at random, a batch at a time.

All of it is tensor arithmetic on the device that trains: a GPU need not wait for processors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .camera import developed
from .data import LEVELS, Photos
from .random import Random

SMALLEST_FACE = 8.0
_LARGEST_ENLARGEMENT = 3.0
MIRRORED = (1, 0, 2, 4, 3)
_A_ROW = 3
"""A view is a mosaic of up to 3 x 3 parts."""
_PARTS = _A_ROW * _A_ROW


@dataclass(frozen=True, slots=True)
class Batch:
    """The views of a step, with their labels in one list.

    Attributes:
        clear: float32 (N, 3, side, side), RGB, 0..255, before light, lens, sensor and codec.
        pixels: the same after them; whole numbers.
        image: int64 (T,), the view of each label.
        boxes: float32 (T, 4), left, top, right, bottom in pixels, clipped to the view.
        landmarks: float32 (T, 5, 2).
        seen: float32 (T, 5), 1 for landmarks inside the view.
        is_face: bool (T,); False for a doubtful face.
        empty_image: int64 (M,), the view of each place without a face.
        empty: float32 (M, 4), places without a face, whatever the teacher says.
    """

    clear: Tensor
    pixels: Tensor
    image: Tensor
    boxes: Tensor
    landmarks: Tensor
    seen: Tensor
    is_face: Tensor
    empty_image: Tensor
    empty: Tensor


@dataclass(frozen=True, slots=True)
class _Placement:
    """Where N parts of views show which image.

    Attributes:
        photo: int64 (N,).
        matrix: float32 (N, 2, 2), from pixels of the image to pixels of the view.
        offset: float32 (N, 2).
        scale: float32 (N,), without rotation and aspect.
        mirrored: bool (N,).
        frame: float32 (N, 4), left, top, right, bottom of the part in the view.
    """

    photo: Tensor
    matrix: Tensor
    offset: Tensor
    scale: Tensor
    mirrored: Tensor
    frame: Tensor


class Views:
    """Draws views; the same step always gives the same views on the same kind of device."""

    def __init__(self, photos: Photos, *, side: int, seed: int, device: torch.device) -> None:
        self._side, self._seed, self._device = side, seed, device
        self._random = Random(device)
        kinds = np.array([row["kind"] for row in photos.rows])
        agreed = [np.flatnonzero(labels.agreed == 1) for labels in photos.labels]
        has_face = np.array([len(faces) > 0 for faces in agreed])
        self._groups = [
            self._moved(np.flatnonzero(group))
            for group in ((kinds == "face") & has_face, kinds == "none", kinds == "none-hard")
        ]
        self._is_face_photo = self._moved(kinds == "face")
        self._levels = self._moved(photos.levels)
        self._extent = self._levels[:, 0, 1:].flip(1).float()  # width, height
        self._pixels = torch.from_numpy(photos.pixels.reshape(-1, 3)).to(device)
        # All labels in tables, one row an image.
        most = max(max(len(labels.agreed) for labels in photos.labels), 1)
        boxes = np.zeros((len(photos), most, 4), np.float32)
        landmarks = np.zeros((len(photos), most, 5, 2), np.float32)
        status = np.full((len(photos), most), -2, np.int8)
        for row, labels in enumerate(photos.labels):
            count = len(labels.agreed)
            boxes[row, :count], landmarks[row, :count] = labels.boxes, labels.landmarks
            status[row, :count] = labels.agreed
        self._boxes, self._landmarks = self._moved(boxes), self._moved(landmarks)
        self._status = self._moved(status)
        counts = np.array([len(faces) for faces in agreed])
        self._faces = self._moved(np.concatenate([*agreed, np.zeros(1, np.int64)]))
        self._first_face = self._moved(np.cumsum(counts) - counts)
        self._face_count = self._moved(counts)

    def _moved(self, array: NDArray[Any]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self._device)

    def draw(self, step: int, count: int) -> Batch:
        """The views of a step: images that fill the view, or mosaics with small faces."""
        self._random.seed((self._seed << 40) + step)
        frames, used = self._mosaics(count)
        placed = self._placed(frames.reshape(-1, 4))
        pixels = self._rendered(placed, frames, count)
        image, boxes, landmarks, seen, status, is_face = self._labelled(placed, used)
        false = status == -1
        face = ~false
        blank = torch.nonzero(used & ~self._is_face_photo[placed.photo])[:, 0]
        pixels = self._occluded(pixels, boxes[face], image[face])
        return Batch(
            pixels,
            developed(pixels, self._random),
            image[face],
            boxes[face],
            landmarks[face],
            seen[face],
            is_face[face],
            torch.cat([image[false], blank // _PARTS]),
            torch.cat([boxes[false], placed.frame[blank]]),
        )

    # Placement

    def _mosaics(self, count: int) -> tuple[Tensor, Tensor]:
        """Frames of the parts, float32 (count, 9, 4), and bool (9 * count,), which are used."""
        side, a_row = self._side, torch.ones(count, device=self._device)
        draw = self._random.uniform(count)
        a_row = a_row + (draw >= 0.45) + (draw >= 0.82)
        number = torch.arange(1, _A_ROW, device=self._device)
        shaken = number + self._random.uniform(2, count, _A_ROW - 1, low=-0.15, high=0.15)
        inner = (side * shaken / a_row[:, None]).round()
        inner = torch.where(number < a_row[:, None], inner, float(side))
        nothing = torch.zeros(2, count, 1, device=self._device)
        edges = torch.cat([nothing, inner, nothing + side], -1)  # 2, count, 4
        rows = torch.arange(_PARTS, device=self._device) // _A_ROW
        columns = torch.arange(_PARTS, device=self._device) % _A_ROW
        y, x = edges[0], edges[1]
        frames = torch.stack([x[:, columns], y[:, rows], x[:, columns + 1], y[:, rows + 1]], -1)
        used = ((frames[..., 2:] - frames[..., :2]) > 0).all(-1)
        return frames, used.flatten()

    def _placed(self, frame: Tensor) -> _Placement:
        """Images turned and scaled so that one of their faces gets a random size."""
        n, side = len(frame), float(self._side)
        photo = self._photos(n)
        extent = self._extent[photo]
        room = (frame[:, 2:] - frame[:, :2]).clamp_min(1)
        count = self._face_count[photo]
        has_face = self._is_face_photo[photo] & (count > 0)
        chosen = self._first_face[photo] + (self._random.uniform(n) * count).long().clamp_max(
            (count - 1).clamp_min(0)
        )
        box = self._boxes[photo, self._faces[chosen.clamp_max(len(self._faces) - 1)]]
        size = (box[:, 2:] - box[:, :2]).prod(-1).clamp_min(1).sqrt()
        # Large faces in views of one image, small ones in mosaics.
        share = room.prod(-1).sqrt() / side
        least = torch.where(share > 0.9, 14.0, torch.where(share > 0.42, 11.0, 9.0))
        most = side * torch.where(share > 0.9, 1.3, torch.where(share > 0.42, 0.65, 0.3))
        wanted = least * (most / least) ** self._random.uniform(n)
        # Most images fill a good part of their place, as they do in use.
        fitting = 0.8 * (room / extent).amin(-1)
        fitting = torch.where(self._random.uniform(n) < 0.85, fitting, 0.0)
        for_faces = (wanted / size).maximum(fitting).clamp_max(_LARGEST_ENLARGEMENT)
        anywhere = self._random.uniform(n, 2) * extent
        # Also what stands around people, more than around faces.
        at_face = (self._random.uniform(n) >= 0.2) & has_face
        anchor = torch.where(at_face[:, None], (box[:, :2] + box[:, 2:]) / 2, anywhere)
        for_others = torch.exp(self._random.uniform(n, low=math.log(0.25), high=math.log(2.5)))
        for_others = for_others.maximum(fitting)
        scale = torch.where(has_face, for_faces, for_others)
        # The face lies anywhere, now and then over the edge.
        beyond = 0.5 * size * scale * torch.where(self._random.uniform(n) < 0.86, -1.0, 0.5)
        span = room + 2 * beyond[:, None]
        place = torch.where(span > 0, self._random.uniform(n, 2) * span - beyond[:, None], room / 2)
        covering = _covering(place, anchor * scale[:, None], extent * scale[:, None], room)
        place = torch.where((self._random.uniform(n) < 0.85)[:, None], covering, place)
        place = torch.where(has_face[:, None], place, room / 2)
        mirrored = self._random.uniform(n) < 0.5
        matrix = self._matrices(scale, mirrored)
        offset = place - (matrix @ anchor[:, :, None])[..., 0] + frame[:, :2]
        return _Placement(photo, matrix, offset, scale, mirrored, frame)

    def _photos(self, n: int) -> Tensor:
        """Of ten images one shows cats and the like, and two or three nobody."""
        draw, which = self._random.uniform(n), self._random.uniform(n)
        faces, none, deceptive = (
            group[(which * len(group)).long().clamp_max(len(group) - 1)] for group in self._groups
        )
        return torch.where(draw < 0.1, deceptive, torch.where(draw < 0.32, none, faces))

    def _matrices(self, scale: Tensor, mirrored: Tensor) -> Tensor:
        n = len(scale)
        wide = self._random.uniform(n, low=-48, high=48)
        angle = torch.where(
            self._random.uniform(n) < 0.25, wide, self._random.normal(n, deviation=6)
        )
        turn = torch.deg2rad(angle)
        aspect = torch.exp(self._random.normal(n, deviation=0.05))
        cosine, sine = turn.cos() * scale, turn.sin() * scale
        flip = torch.where(mirrored, -1.0, 1.0)
        first = torch.stack([cosine * aspect * flip, sine * aspect], -1)
        second = torch.stack([-sine / aspect * flip, cosine / aspect], -1)
        return torch.stack([first, second], 1)

    # Pixels

    def _rendered(self, placed: _Placement, frames: Tensor, count: int) -> Tensor:
        """The views before light and lens: bilinear, from a level that need not be shrunk much."""
        side, device = self._side, self._device
        level = (1.2 / placed.scale).log2().floor().clamp(0, LEVELS - 1).long()
        start, height, width = self._levels[placed.photo, level].unbind(-1)
        extent = torch.stack([width, height], -1).float()
        ratio = extent / self._extent[placed.photo]
        inverse = torch.linalg.inv(placed.matrix) * ratio[:, :, None]
        shift = -(inverse @ placed.offset[:, :, None])[..., 0]
        fill = self._random.uniform(len(level), 3) * 255
        fill = torch.where((self._random.uniform(len(level)) < 0.5)[:, None], 0.0, fill)
        replicated = self._random.uniform(len(level)) < 0.2
        parts = torch.cat([inverse.flatten(1), shift, extent, fill, replicated[:, None].float()], 1)
        # Which part each pixel belongs to; its centre is at one half.
        centre = torch.arange(side, device=device) + 0.5
        column = (centre > frames[:, :_A_ROW, 2][:, :, None]).sum(1)  # count, side
        row = (centre > frames[:, ::_A_ROW, 3][:, :, None]).sum(1)
        part = row[:, :, None] * _A_ROW + column[:, None, :]
        part = part + torch.arange(count, device=device)[:, None, None] * _PARTS
        pixels = _sampled(self._pixels, part, start, width, parts)
        return pixels.permute(0, 3, 1, 2).contiguous()

    def _labelled(self, placed: _Placement, used: Tensor) -> tuple[Tensor, ...]:
        """The visible labels of all views; faces mostly outside their part are left out.

        A face counts as the ellipse that fills its box, which gives its box after the rotation.
        """
        status = self._status[placed.photo]
        part, label = torch.nonzero((status >= -1) & used[:, None], as_tuple=True)
        photo, matrix = placed.photo[part], placed.matrix[part]
        offset, frame = placed.offset[part], placed.frame[part]
        box = self._boxes[photo, label]
        middle = (matrix @ ((box[:, :2] + box[:, 2:]) / 2)[:, :, None])[..., 0] + offset
        half = (box[:, 2:] - box[:, :2]) / 2
        reach = ((matrix**2) @ (half**2)[:, :, None])[..., 0].sqrt()
        moved = torch.cat([middle - reach, middle + reach], -1)
        landmarks = self._landmarks[photo, label] @ matrix.transpose(1, 2) + offset[:, None]
        mirrored = placed.mirrored[part][:, None, None]
        landmarks = torch.where(mirrored, landmarks[:, list(MIRRORED)], landmarks)
        corner, opposite = frame[:, :2], frame[:, 2:]
        clipped = torch.cat(
            [moved[:, :2].maximum(corner).minimum(opposite),
             moved[:, 2:].maximum(corner).minimum(opposite)], -1
        )  # fmt: skip
        area = (clipped[:, 2:] - clipped[:, :2]).prod(-1)
        visible = area / (moved[:, 2:] - moved[:, :2]).prod(-1).clamp_min(1e-6)
        agreed = status[part, label]
        is_face = (agreed == 1) & (visible > 0.5) & (area.sqrt() >= SMALLEST_FACE)
        inside = (landmarks >= corner[:, None]) & (landmarks < opposite[:, None])
        kept = torch.nonzero((visible > 0.02) | (agreed == -1))[:, 0]
        return (
            (part // _PARTS)[kept],
            clipped[kept],
            landmarks[kept],
            inside.all(-1).float()[kept],
            agreed[kept],
            is_face[kept],
        )

    def _occluded(self, pixels: Tensor, boxes: Tensor, image: Tensor) -> Tensor:
        """A flat object before a part of a face, like hands, masks and microphones."""
        hidden = torch.nonzero(self._random.uniform(len(boxes)) < 0.04)[:, 0]
        extent = (boxes[:, 2:] - boxes[:, :2])[hidden]
        size = (extent * self._random.uniform(len(hidden), 2, low=0.2, high=0.45)).clamp_min(1)
        corner = boxes[hidden, :2] + self._random.uniform(len(hidden), 2) * (extent - size)
        colour = self._random.uniform(len(hidden), 3) * 255
        at = torch.arange(self._side, device=self._device) + 0.5
        for_view = image[hidden]
        across = (at > corner[:, :1]) & (at < (corner + size)[:, :1])
        down = (at > corner[:, 1:]) & (at < (corner + size)[:, 1:])
        mask = down[:, None, :, None] & across[:, None, None, :]
        # One object a view: of several, the one written last.
        covered = torch.zeros(len(pixels), 1, *pixels.shape[2:], dtype=torch.bool, device=at.device)
        covered[for_view] = mask
        colours = torch.zeros(len(pixels), 3, device=at.device)
        colours[for_view] = colour
        return torch.where(covered, colours[:, :, None, None], pixels)


def _covering(place: Tensor, before: Tensor, whole: Tensor, room: Tensor) -> Tensor:
    """The place moved so that the image covers its part, where it is large enough."""
    least, most = room - (whole - before), before
    return torch.where(least <= most, place.maximum(least).minimum(most), place)


def _sampled(stored: Tensor, part: Tensor, start: Tensor, stride: Tensor, parts: Tensor) -> Tensor:
    """Bilinear samples of stored images.

    Args:
        stored: uint8 (P, 3), the pixels of all images.
        part: int64 (N, side, side), the row of each pixel in the tables that follow.
        start: int64 (M,), the first stored pixel of an image.
        stride: int64 (M,), the length of its rows.
        parts: float32 (M, 12): matrix and offset from the view to the image, its width and height,
            the colour around it, and 1 where its border is continued instead.

    Returns:
        float32 (N, side, side, 3).
    """
    centre = torch.arange(part.shape[1], device=part.device) + 0.5
    x, y = centre[None, None, :], centre[None, :, None]
    a, b, c, d, e, f, wide, high = (parts[:, column][part] for column in range(8))
    across, down = a * x + b * y + e - 0.5, c * x + d * y + f - 0.5
    outside = (across < -0.5) | (down < -0.5) | (across > wide - 0.5) | (down > high - 0.5)
    outside = outside & (parts[:, 11][part] == 0)
    left, top = across.floor(), down.floor()
    right_share, bottom_share = (across - left)[..., None], (down - top)[..., None]
    base, row_length = start[part], stride[part]

    def tap(column: Tensor, row: Tensor) -> Tensor:
        column = column.clamp_min(0).minimum(wide - 1).long()
        row = row.clamp_min(0).minimum(high - 1).long()
        return stored[base + row * row_length + column].float()

    upper = torch.lerp(tap(left, top), tap(left + 1, top), right_share)
    lower = torch.lerp(tap(left, top + 1), tap(left + 1, top + 1), right_share)
    inside = torch.lerp(upper, lower, bottom_share)
    return torch.where(outside[..., None], parts[:, 8:11][part], inside)
