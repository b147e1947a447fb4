"""What the detector finds when the same images are rotated, blurred, lit or cropped differently.

Measured as the service looks for faces: with its views, its threshold and the exported file.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from adapters.inference.executor import WorkExecutor
from adapters.onnx.face_candidates import FaceCandidates
from adapters.onnx.face_detector import OnnxFaceDetector
from application.ports.face_detector import WantedFaces
from domain.image import Image

from .data import Labels, Photo
from .evaluate import Finder, Judged, judge_all

Pixels = NDArray[np.uint8]
Shift = Callable[[Photo], Photo]

_SMALLEST = 16
_LEAST_SEEN = 0.6
"""Share of a box that has to stay in the image for the face to count."""


def service_finder(weights: Path, executor: WorkExecutor) -> Finder:
    """The detector as the service runs it."""
    detector = OnnxFaceDetector(executor=executor, weights=weights)

    def find(pixels: Pixels) -> FaceCandidates:
        height, width = pixels.shape[:2]
        image = Image(pixels, width, height, "image/png")
        faces = asyncio.run(detector.detect(image, WantedFaces(_SMALLEST)))
        faces = sorted(faces, key=lambda face: -face.confidence)
        boxes = [(f.box.x, f.box.y, f.box.right, f.box.bottom) for f in faces]
        marks = [
            [(point.x, point.y) for point in m.points]
            for m in (face.landmarks for face in faces)
            if m is not None
        ]
        return FaceCandidates(
            np.array([face.confidence for face in faces], np.float32),
            np.array(boxes, np.float32).reshape(-1, 4),
            np.array(marks, np.float32).reshape(-1, 5, 2),
        )

    return find


def turned(degrees: float) -> Shift:
    """Rotated about its centre, on black."""

    def shift(photo: Photo) -> Photo:
        rows, columns = photo.pixels.shape[:2]
        matrix = cv2.getRotationMatrix2D((columns / 2, rows / 2), degrees, 1.0)
        reach = np.abs(matrix[:, :2]) @ (columns, rows)
        matrix[:, 2] += (reach - (columns, rows)) / 2
        size = (round(reach[0]), round(reach[1]))
        pixels = np.asarray(cv2.warpAffine(photo.pixels, matrix, size), np.uint8)
        # A face is taken for the ellipse that fills its box, as in training.
        boxes, linear, offset = photo.labels.boxes, matrix[:, :2], matrix[:, 2]
        middles = (boxes[:, :2] + boxes[:, 2:]) / 2 @ linear.T + offset
        halves = np.sqrt(((boxes[:, 2:] - boxes[:, :2]) / 2) ** 2 @ (linear**2).T)
        moved = np.concatenate([middles - halves, middles + halves], 1).astype(np.float32)
        marks = (photo.labels.landmarks @ linear.T + offset).astype(np.float32)
        return _photo(photo, pixels, Labels(moved, marks, photo.labels.agreed))

    return shift


def changed(change: Callable[[Pixels], NDArray[np.generic]]) -> Shift:
    """The same image with other pixels."""
    return lambda photo: _photo(
        photo, np.clip(change(photo.pixels), 0, 255).astype(np.uint8), photo.labels
    )


def cut(side: str, share: float) -> Shift:
    """Without what lies beyond the largest face and a share of it; ``side`` is the edge's name."""

    def shift(photo: Photo) -> Photo:
        box = _largest(photo)
        if box is None:
            return photo
        rows, columns = photo.pixels.shape[:2]
        left, top, right, bottom = 0, 0, columns, rows
        if side == "left":
            left = round(box[0] + share * (box[2] - box[0]))
        elif side == "top":
            top = round(box[1] + share * (box[3] - box[1]))
        else:
            bottom = round(box[3] - share * (box[3] - box[1]))
        return _window(photo, left, top, right, bottom)

    return shift


def filling(part: float) -> Shift:
    """A square whose side is a part of the largest face's longer side, about its middle."""

    def shift(photo: Photo) -> Photo:
        box = _largest(photo)
        if box is None:
            return photo
        x, y = (box[:2] + box[2:]) / 2
        reach = part * max(box[2:] - box[:2]) / 2
        return _window(photo, *(round(v) for v in (x - reach, y - reach, x + reach, y + reach)))

    return shift


def _blurred(sigma: float) -> Shift:
    return changed(lambda pixels: np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma)))


def _exposed(factor: float) -> Shift:
    return changed(lambda pixels: pixels.astype(np.float32) * factor)


def _noisy(pixels: Pixels) -> NDArray[np.float64]:
    noise = np.random.default_rng(pixels.size).normal(0, 25, pixels.shape)
    return np.asarray(pixels + noise)


def _gray(pixels: Pixels) -> Pixels:
    return np.asarray(np.repeat(pixels.mean(axis=2, keepdims=True), 3, axis=2), np.uint8)


def _squeezed(pixels: Pixels) -> Pixels:
    _, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 15])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def _dim(pixels: Pixels) -> NDArray[np.float64]:
    noise = np.random.default_rng(pixels.size).normal(0, 4, pixels.shape)
    return np.asarray(pixels * 0.12 + noise)


SHIFTS: dict[str, Shift] = {
    "as they are": lambda photo: photo,
    "turned by 15°": turned(15),
    "turned by 30°": turned(30),
    "turned by 45°": turned(45),
    "turned by 60°": turned(60),
    "blurred, σ = 2 px": _blurred(2),
    "blurred, σ = 4 px": _blurred(4),
    "a quarter of the light": _exposed(0.25),
    "an eighth of the light, with noise": changed(_dim),
    "overexposed twice": _exposed(2),
    "noise, σ = 25": changed(_noisy),
    "gray": changed(_gray),
    "JPEG of quality 15": changed(_squeezed),
    "left edge through the face, at a quarter": cut("left", 0.25),
    "upper edge through the face, at a quarter": cut("top", 0.25),
    "lower edge through the face, at a quarter": cut("bottom", 0.25),
    "cut at the face": filling(1.0),
    "cut inside the face, at 0.8 of its side": filling(0.8),
}


def shifted(photos: Sequence[Photo], shift: Shift) -> list[Photo]:
    """Photographs changed, those left out in which no face is left to be found or missed."""
    return [each for each in map(shift, photos) if min(each.pixels.shape[:2]) >= _SMALLEST]


def table(weights: Path, photos: Sequence[Photo]) -> str:
    """Recall, false boxes, overlap and landmarks under every shift, as Markdown."""
    executor = WorkExecutor(1)
    find = service_finder(weights, executor)
    lines = [
        f"| {len(photos)} images | faces | found | false boxes an image | mean IoU | landmarks |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, shift in SHIFTS.items():
        judged = judge_all(find, shifted(photos, shift))
        lines.append(f"| {name} | " + " | ".join(_figures(judged)) + " |")
    executor.close()
    return "\n".join(lines)


def sizes_table(weights: Path, photos: Sequence[Photo]) -> str:
    """Recall by size, as Markdown; sizes in pixels of images whose longer side is 640."""
    executor = WorkExecutor(1)
    judged = judge_all(service_finder(weights, executor), photos)
    executor.close()
    sizes = np.concatenate([each.sizes for each in judged])
    found = np.concatenate([each.found_at for each in judged]) > 0
    lines = ["| √(width × height) | faces | found |", "| --- | --- | --- |"]
    edges = (16, 24, 32, 64, 128, 256, 640)
    for low, high in itertools.pairwise(edges):
        here = (sizes >= low) & (sizes < high)
        if here.any():
            share = f"{100 * found[here].mean():.1f} %"
            lines.append(f"| {low} to {high} px | {here.sum()} | {share} |")
    return "\n".join(lines)


def _figures(judged: Sequence[Judged]) -> list[str]:
    large = np.concatenate([each.sizes for each in judged]) >= _SMALLEST
    found = (np.concatenate([each.found_at for each in judged]) > 0)[large]
    overlap = np.concatenate([each.overlaps for each in judged])[large][found]
    landmarks = np.concatenate([each.landmark_errors for each in judged])[large][found]
    false = sum(int((~each.true).sum()) for each in judged) / max(len(judged), 1)
    return [
        str(int(large.sum())),
        f"{100 * found.mean():.1f} %",
        f"{false:.3f}",
        f"{overlap.mean():.2f}" if len(overlap) else "-",
        f"{100 * np.nanmedian(landmarks):.1f} %" if len(landmarks) else "-",
    ]


def _largest(photo: Photo) -> NDArray[np.float32] | None:
    boxes = photo.labels.boxes[photo.labels.agreed == 1]
    if not len(boxes):
        return None
    largest: NDArray[np.float32] = boxes[(boxes[:, 2:] - boxes[:, :2]).prod(1).argmax()]
    return largest


def _window(photo: Photo, left: int, top: int, right: int, bottom: int) -> Photo:
    rows, columns = photo.pixels.shape[:2]
    left, top = max(left, 0), max(top, 0)
    right, bottom = min(right, columns), min(bottom, rows)
    pixels = photo.pixels[top:bottom, left:right]
    corner = np.array([left, top], np.float32)
    boxes = photo.labels.boxes - np.tile(corner, 2)
    limits = np.array([right - left, bottom - top], np.float32)
    clipped = np.clip(boxes, 0, np.tile(limits, 2))
    seen = (clipped[:, 2:] - clipped[:, :2]).prod(1) / (boxes[:, 2:] - boxes[:, :2]).prod(1)
    agreed = np.where((seen < _LEAST_SEEN) & (photo.labels.agreed == 1), 0, photo.labels.agreed)
    inside = seen > 0
    labels = Labels(
        clipped[inside],
        (photo.labels.landmarks - corner)[inside],
        agreed[inside].astype(np.int8),
    )
    return _photo(photo, np.ascontiguousarray(pixels), labels)


def _photo(photo: Photo, pixels: Pixels, labels: Labels) -> Photo:
    return Photo(photo.name, photo.kind, (pixels,), labels)
