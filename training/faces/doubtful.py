"""Boxes of which the detector is not sure, with the faces they lie on: the refiner's examples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm  # type: ignore[import-untyped]

from adapters.inference.box_matching import iou
from adapters.onnx.face_candidates import FaceCandidates, without_duplicates
from adapters.onnx.face_refiner import crop_around

from .augment import SMALLEST_FACE, Views
from .data import Photos
from .evaluate import SAME_FACE, Finder, shown
from .network import centres
from .teacher import Teacher

SIDE = 96
"""Of the crops, in pixels."""
SPAN = 2.4
"""The crop's side, in longer sides of the box."""
CONFIDENCES = (0.03, 0.93)
"""Confidences of the detector from and up to which a box is doubtful."""
_VIEW = 256
_VIEWS = 32
_LONG_SIDES = (200, 800)
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
        seen: float32 (N, 5), 1 for landmarks that are known.
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
    """Look for faces until enough doubtful boxes are found.

    One half comes from random views, which show what is difficult, and the other from whole
    images of random sizes, as the service sees them.

    Args:
        photos: Images to look at.
        find: The trained detector, with candidates from the least confidence of `CONFIDENCES`.
        teacher: YuNet's ONNX file.
        many: How many boxes.
        seed: Of views and sizes.
        cache: Folder where they are kept, 28 kB each.
        device: What makes the views.
    """
    if not cache.exists():
        random = np.random.default_rng(seed)
        views = Views(photos, side=_VIEW, seed=seed, device=device)
        sources = (
            _shown_in_views(views, Teacher(teacher).to(device)),
            _shown_whole(photos, random),
        )
        unfinished = cache.with_suffix(".part")
        unfinished.mkdir(parents=True, exist_ok=True)
        kept = _files(unfinished, many)
        bar = tqdm(total=many, desc="doubtful boxes", mininterval=20)
        end = 0
        for number, source in enumerate(sources, start=1):
            while end < many * number // len(sources):
                pixels, labels = next(source)
                part = _examples(pixels, _doubtful(find(pixels), random), labels)
                start, end = end, min(end + len(part), many)
                for field in fields(Doubtful):
                    rows = getattr(part, field.name)[: end - start]
                    getattr(kept, field.name)[start:end] = rows
                bar.update(end - start)
        unfinished.rename(cache)
    return Doubtful(
        *(np.load(cache / f"{field.name}.npy", mmap_mode="c") for field in fields(Doubtful))
    )


def _files(folder: Path, many: int) -> Doubtful:
    """Arrays in files, as all crops together take gigabytes."""
    shapes = {
        "crops": (SIDE, SIDE, 3),
        "is_face": (),
        "counts": (),
        "boxes": (4,),
        "landmarks": (5, 2),
        "seen": (5,),
    }
    return Doubtful(
        **{
            name: np.lib.format.open_memmap(
                folder / f"{name}.npy",
                "w+",
                np.uint8 if name == "crops" else np.float32,
                (many, *shape),
            )
            for name, shape in shapes.items()
        }
    )


def _doubtful(found: FaceCandidates, random: np.random.Generator) -> FaceCandidates:
    size = (found.boxes[:, 2:] - found.boxes[:, :2]).min(1, initial=np.inf)
    kept = size >= _SMALLEST
    kept &= (found.confidences < CONFIDENCES[1]) | (random.random(len(found)) < _SURE_KEPT)
    return found[np.flatnonzero(kept)[:_MAX_IN_A_VIEW]]


@dataclass(frozen=True, slots=True)
class _Labels:
    """The labels of what is shown, with a last row that stands for no face.

    Attributes:
        boxes, landmarks, seen, is_face: see `augment.Batch`.
        empty: float32 (M, 4), places without a face.
        by_teacher: float32 (K, 4), faces that the teacher sees, labelled or not.
    """

    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    seen: NDArray[np.float32]
    is_face: NDArray[np.bool_]
    empty: NDArray[np.float32]
    by_teacher: NDArray[np.float32]


def _shown_in_views(views: Views, teacher: Teacher) -> Iterator[tuple[NDArray[np.uint8], _Labels]]:
    points = centres(_VIEW, _VIEW)[0].numpy()
    for step in count():
        batch = views.draw(step, _VIEWS)
        answers = teacher(batch.clear).cpu().numpy()
        pixels = batch.pixels.permute(0, 2, 3, 1).to(torch.uint8).cpu().numpy()
        for view in range(_VIEWS):
            faces = _found_by(answers[view], points)
            here = batch.image == view
            labels = _Labels(
                boxes=_with_no_face(batch.boxes[here].cpu().numpy()),
                landmarks=_with_no_face(batch.landmarks[here].cpu().numpy()),
                seen=_with_no_face(batch.seen[here].cpu().numpy()),
                is_face=_with_no_face(batch.is_face[here].cpu().numpy()),
                empty=batch.empty[batch.empty_image == view].cpu().numpy(),
                by_teacher=faces.boxes,
            )
            yield np.ascontiguousarray(pixels[view]), labels


def _found_by(answers: NDArray[np.float32], points: NDArray[np.float32]) -> FaceCandidates:
    """The faces in a teacher's answers (A, 15) for the cells around these points (A, 2)."""
    sure = answers[:, 0] >= _TEACHER_SURE
    cells, middle = answers[sure], points[sure]
    boxes = np.hstack([middle - cells[:, 1:3], middle + cells[:, 3:5]])
    landmarks = middle[:, np.newaxis] + cells[:, 5:].reshape(-1, 5, 2)
    return without_duplicates(FaceCandidates(cells[:, 0], boxes, landmarks), SAME_FACE)


def _shown_whole(
    photos: Photos, random: np.random.Generator
) -> Iterator[tuple[NDArray[np.uint8], _Labels]]:
    while True:
        photo = photos[int(random.integers(len(photos)))]
        low, high = np.log(_LONG_SIDES)
        pixels, labelled = shown(photo, round(float(np.exp(random.uniform(low, high)))))
        empty, labels = labelled.boxes[labelled.agreed == -1], labelled.of_faces()
        size = np.sqrt((labels.boxes[:, 2:] - labels.boxes[:, :2]).prod(1))
        height, width = pixels.shape[:2]
        whole = np.array([[0, 0, width, height]], np.float32)
        yield (
            pixels,
            _Labels(
                boxes=_with_no_face(labels.boxes),
                landmarks=_with_no_face(labels.landmarks),
                seen=_with_no_face(np.ones(labels.landmarks.shape[:2], np.float32)),
                is_face=_with_no_face((labels.agreed == 1) & (size >= SMALLEST_FACE)),
                empty=empty if photo.kind == "face" else whole,
                by_teacher=np.zeros((0, 4), np.float32),
            ),
        )


def _with_no_face(rows: NDArray[Any]) -> NDArray[Any]:
    return np.pad(rows, [(0, 1)] + [(0, 0)] * (rows.ndim - 1))


def _examples(
    pixels: NDArray[np.uint8],
    found: FaceCandidates,
    labels: _Labels,
) -> Doubtful:
    """The crops of candidates, and what is known of each."""
    overlap = _overlaps(found.boxes, labels.boxes)
    face = overlap.argmax(1)
    best = overlap.max(1) * labels.is_face[face]
    on_doubtful = (overlap[:, ~labels.is_face] > _OFF_FACE).any(1)
    is_face = best >= _ON_FACE
    middle = (found.boxes[:, None, :2] + found.boxes[:, None, 2:]) / 2
    inside = np.concatenate([middle - labels.empty[:, :2], labels.empty[:, 2:] - middle], -1)
    in_empty = inside.min(axis=-1).max(axis=1, initial=-1) > 0
    teacher_sees = _overlaps(found.boxes, labels.by_teacher).max(axis=1, initial=0) >= SAME_FACE
    unknown = ~is_face & ((best >= _OFF_FACE) | on_doubtful | (teacher_sees & ~in_empty))
    crops = [crop_around(pixels, box, span=SPAN, side=SIDE) for box in found.boxes]
    corner = np.array([(crop.left, crop.top) for crop in crops], np.float32).reshape(-1, 2)
    scale = np.array([crop.scale for crop in crops], np.float32)[:, None]
    return Doubtful(
        np.array([crop.pixels for crop in crops], np.uint8).reshape(-1, SIDE, SIDE, 3),
        is_face.astype(np.float32),
        (~unknown).astype(np.float32),
        ((labels.boxes[face] - np.tile(corner, 2)) / scale).astype(np.float32),
        ((labels.landmarks[face] - corner[:, None]) / scale[..., None]).astype(np.float32),
        labels.seen[face],
    )


def _overlaps(boxes: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float64]:
    """Intersection over union of each of N boxes with each of M others, (N, M)."""
    each = [iou(box, others) for box in boxes]
    return np.array(each, np.float64).reshape(len(boxes), len(others))
