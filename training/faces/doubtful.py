"""Boxes of which the detector is not sure, with the faces they lie on: the refiner's lessons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm  # type: ignore[import-untyped]

from adapters.inference.box_matching import iou
from adapters.onnx.face_candidates import FaceCandidates, candidates_of
from adapters.onnx.face_refiner import crop_around

from .augment import Batch, Views
from .data import Photos
from .evaluate import SAME_FACE, Finder
from .network import STRIDES
from .teacher import Teacher

SIDE = 96
"""Of the crops, in pixels."""
SPAN = 2.4
"""The crop's side, in longer sides of the box."""
ASKED = (0.03, 0.93)
"""Confidences of the detector from and up to which a box is doubtful."""
_VIEW = 256
_VIEWS = 32
_SURE_KEPT = 0.3
"""Share of the boxes above that which are kept: they show what faces look like."""
_MAX_IN_A_VIEW = 24
_SMALLEST = 4.0
_ON_FACE, _OFF_FACE = 0.35, 0.15
"""Overlap with a face from which a box lies on it, and up to which it does not."""
_TEACHER_SURE = 0.5


@dataclass(frozen=True, slots=True)
class Doubtful:
    """Crops around boxes.

    Attributes:
        crops: uint8 (N, SIDE, SIDE, 3), RGB.
        is_face: float32 (N,), 1 where the box lies on a face.
        counts: float32 (N,), 0 where nobody knows.
        boxes: float32 (N, 4), left, top, right, bottom of that face in pixels of the crop.
        landmarks: float32 (N, 5, 2), likewise.
        seen: float32 (N, 5), 1 for landmarks in the picture.
    """

    crops: NDArray[np.uint8]
    is_face: NDArray[np.float32]
    counts: NDArray[np.float32]
    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    seen: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.crops)

    def __getitem__(self, rows: NDArray[np.intp] | slice) -> Doubtful:
        return Doubtful(*(getattr(self, field.name)[rows] for field in fields(self)))


def gather(
    photos: Photos,
    find: Finder,
    teacher: Path,
    *,
    many: int,
    seed: int,
    cache: Path,
    device: torch.device,
) -> Doubtful:
    """Look for faces in random views until enough doubtful boxes are found.

    Args:
        photos: Images to draw views of.
        find: The trained detector, with candidates from the least confidence of `ASKED`.
        teacher: YuNet's ONNX file.
        many: How many boxes.
        seed: Of the views.
        cache: Folder where they are kept, 28 kB each.
        device: What makes the views.
    """
    if not (cache / "seen.npy").exists():
        cache.mkdir(parents=True, exist_ok=True)
        views = Views(photos, side=_VIEW, seed=seed, device=device)
        parts = []
        found = 0
        bar = tqdm(total=many, desc="doubtful boxes", mininterval=20)
        for part in _found_in(views, find, Teacher(teacher).to(device), seed):
            parts.append(part)
            found += len(part)
            bar.update(len(part))
            if found >= many:
                break
        for field in fields(Doubtful):
            whole = np.concatenate([getattr(part, field.name) for part in parts])
            np.save(cache / f"{field.name}.npy", whole)
    return Doubtful(
        *(np.load(cache / f"{field.name}.npy", mmap_mode="r") for field in fields(Doubtful))
    )


def _found_in(views: Views, find: Finder, teacher: Teacher, seed: int) -> Iterator[Doubtful]:
    random = np.random.default_rng(seed)
    for step in count():
        batch = views.draw(step, _VIEWS)
        answers = teacher(batch.clear).cpu().numpy()
        pixels = batch.pixels.permute(0, 2, 3, 1).to(torch.uint8).cpu().numpy()
        for view in range(_VIEWS):
            shown = np.ascontiguousarray(pixels[view])
            found = find(shown)
            size = (found.boxes[:, 2:] - found.boxes[:, :2]).min(1, initial=np.inf)
            kept = size >= _SMALLEST
            kept &= (found.scores < ASKED[1]) | (random.random(len(found)) < _SURE_KEPT)
            found = found[np.flatnonzero(kept)[:_MAX_IN_A_VIEW]]
            if len(found):
                sees = _teacher_sees(answers[view], found)
                yield _lessons(shown, found, _Labels.of(batch, view), sees)


@dataclass(frozen=True, slots=True)
class _Labels:
    """The labels of one view, with a last row that stands for no face; see `augment.Batch`."""

    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    seen: NDArray[np.float32]
    is_face: NDArray[np.bool_]
    empty: NDArray[np.float32]

    @classmethod
    def of(cls, batch: Batch, view: int) -> _Labels:
        here = batch.image == view

        def rows(values: Tensor) -> NDArray[Any]:
            return np.pad(values[here].cpu().numpy(), [(0, 1)] + [(0, 0)] * (values.ndim - 1))

        return cls(
            boxes=rows(batch.boxes),
            landmarks=rows(batch.landmarks),
            seen=rows(batch.seen),
            is_face=rows(batch.is_face),
            empty=batch.empty[batch.empty_image == view].cpu().numpy(),
        )


def _lessons(
    pixels: NDArray[np.uint8],
    found: FaceCandidates,
    labels: _Labels,
    teacher_sees: NDArray[np.bool_],
) -> Doubtful:
    overlap = _overlaps(found.boxes, labels.boxes)
    face = overlap.argmax(1)
    best = overlap.max(1) * labels.is_face[face]
    on_doubtful = (overlap[:, ~labels.is_face] > _OFF_FACE).any(1)
    is_face = best >= _ON_FACE
    middle = (found.boxes[:, None, :2] + found.boxes[:, None, 2:]) / 2
    inside = np.concatenate([middle - labels.empty[:, :2], labels.empty[:, 2:] - middle], -1)
    in_empty = inside.min(axis=-1).max(axis=1, initial=-1) > 0
    unknown = ~is_face & ((best >= _OFF_FACE) | on_doubtful | (teacher_sees & ~in_empty))
    crops = [crop_around(pixels, box, span=SPAN, side=SIDE) for box in found.boxes]
    corner = np.array([(crop.left, crop.top) for crop in crops], np.float32)
    scale = np.array([crop.scale for crop in crops], np.float32)[:, None]
    return Doubtful(
        np.stack([crop.pixels for crop in crops]),
        is_face.astype(np.float32),
        (~unknown).astype(np.float32),
        ((labels.boxes[face] - np.tile(corner, 2)) / scale).astype(np.float32),
        ((labels.landmarks[face] - corner[:, None]) / scale[..., None]).astype(np.float32),
        labels.seen[face],
    )


def _teacher_sees(cells: NDArray[np.float32], found: FaceCandidates) -> NDArray[np.bool_]:
    """Whether the teacher finds a face where each candidate lies, (N,)."""
    faces = candidates_of(cells, (_VIEW, _VIEW), STRIDES, least=_TEACHER_SURE, iou=SAME_FACE)
    return np.asarray(_overlaps(found.boxes, faces.boxes).max(axis=1, initial=0) >= SAME_FACE)


def _overlaps(boxes: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float64]:
    """Intersection over union of each of N boxes with each of M others, (N, M)."""
    each = [iou(box, others) for box in boxes]
    return np.array(each, np.float64).reshape(len(boxes), len(others))
