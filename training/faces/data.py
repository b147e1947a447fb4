"""Images with labelled faces: reading them from their tar files, and the splits."""

from __future__ import annotations

import csv
import os
import tarfile
import zlib
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm  # type: ignore[import-untyped]

TUNING_SHARE = 0.05
"""Share of the training images that give no gradient; thresholds are chosen on them."""
LEVELS = 5
"""Sizes in which every image is kept."""


@dataclass(frozen=True, slots=True)
class Labels:
    """The faces of one image, in its pixels.

    Attributes:
        boxes: float32 (N, 4), left, top, right, bottom; they may reach over the border.
        landmarks: float32 (N, 5, 2), x and y of right eye, left eye, nose, right and left corner
            of the mouth, as the person's own right and left.
        agreed: int8 (N,); 1 for faces that the teacher's passes agree on, 0 for doubtful ones, -1
            for places known not to be a face.
    """

    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    agreed: NDArray[np.int8]

    def of_faces(self) -> Labels:
        """Without the places known not to be a face."""
        kept = self.agreed >= 0
        return Labels(self.boxes[kept], self.landmarks[kept], self.agreed[kept])


@dataclass(frozen=True, slots=True)
class Photo:
    """One labelled image.

    Attributes:
        name: of its file.
        kind: ``face``, ``none`` or ``none-hard`` (no face, though the teacher sees some).
        pyramid: uint8 (height, width, 3), RGB, and four smaller levels, each half the size.
        labels: its faces.
    """

    name: str
    kind: str
    pyramid: tuple[NDArray[np.uint8], ...]
    labels: Labels

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """uint8 (height, width, 3), RGB."""
        return self.pyramid[0]


@dataclass(frozen=True)
class Photos(Sequence[Photo]):
    """Images of one split, decoded once and then mapped from a file.

    The training images take 5 GB; mapped, they are shared by all processes.
    """

    rows: tuple[dict[str, str], ...]
    offsets: NDArray[np.int64]
    labels: tuple[Labels, ...]
    pixels: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def levels(self) -> NDArray[np.int64]:
        """int64 (N, 5, 3): first pixel, height and width of each level of each image."""
        table = np.zeros((len(self), LEVELS, 3), np.int64)
        for row, offset in enumerate(self.offsets[:-1]):
            start = int(offset) // 3
            for level, (height, width) in enumerate(_level_sizes(self.rows[row])):
                table[row, level] = start, height, width
                start += height * width
        return table

    def __getitem__(self, index: int) -> Photo:  # type: ignore[override]
        row = self.rows[index]
        start = int(self.offsets[index])
        levels = []
        for height, width in _level_sizes(row):
            end = start + height * width * 3
            levels.append(self.pixels[start:end].reshape(height, width, 3))
            start = end
        return Photo(row["name"], row["kind"], tuple(levels), self.labels[index])


def load(folder: Path, split: str, cache: Path) -> Photos:
    """Read one split.

    Args:
        folder: Holds ``photos.csv``, ``faces.csv`` and the tar files they name.
        split: ``fit``, ``tune`` (together the training split) or ``valid``.
        cache: Folder for the decoded pixels.
    """
    rows = [row for row in _table(folder / "photos.csv") if _split(row) == split]
    faces: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in _table(folder / "faces.csv"):
        faces[row["name"]].append(row)
    sizes = [sum(height * width * 3 for height, width in _level_sizes(row)) for row in rows]
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    path = cache / f"{split}.pixels"
    if not path.exists() or path.stat().st_size != offsets[-1]:
        cache.mkdir(parents=True, exist_ok=True)
        _decode(folder, rows, path)
    labels = tuple(_labels(faces[row["name"]]) for row in rows)
    pixels = np.asarray(np.memmap(path, np.uint8, "c"))
    return Photos(tuple(rows), offsets, labels, pixels)


def _level_sizes(row: dict[str, str]) -> list[tuple[int, int]]:
    height, width = int(row["height"]), int(row["width"])
    return [(max(height >> level, 1), max(width >> level, 1)) for level in range(LEVELS)]


def _split(row: dict[str, str]) -> str:
    if row["split"] != "train":
        return row["split"]
    return "tune" if zlib.crc32(row["name"].encode()) % 1000 < 1000 * TUNING_SHARE else "fit"


def _decode(folder: Path, rows: list[dict[str, str]], path: Path) -> None:
    unfinished = path.with_suffix(".part")
    with ExitStack() as open_files:
        names = {row["shard"] for row in rows}
        shards = {n: open_files.enter_context(tarfile.open(folder / n)) for n in names}
        file = open_files.enter_context(unfinished.open("wb"))
        threads = open_files.enter_context(ThreadPoolExecutor(os.cpu_count()))
        bar = tqdm(total=len(rows), desc=f"decoding {path.stem}", mininterval=5)
        for first in range(0, len(rows), 256):
            some = rows[first : first + 256]
            encoded = [_member(shards[row["shard"]], row["name"]) for row in some]
            for pixels in threads.map(_decoded, encoded, some):
                file.write(pixels)
            bar.update(len(some))
    unfinished.rename(path)


def _member(shard: tarfile.TarFile, name: str) -> bytes:
    file = shard.extractfile(name)
    assert file is not None
    return file.read()


def _decoded(encoded: bytes, row: dict[str, str]) -> bytes:
    """The pixels of all levels of an image, one after the other."""
    pixels = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR_RGB)
    levels = []
    for height, width in _level_sizes(row):
        pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
        levels.append(pixels.tobytes())
    return b"".join(levels)


def _labels(rows: list[dict[str, str]]) -> Labels:
    points = ("reye", "leye", "nose", "rmouth", "lmouth")
    boxes = np.array([[float(row[key]) for key in "xywh"] for row in rows], np.float32)
    boxes = boxes.reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    landmarks = np.array(
        [[[float(row[f"{point}_{axis}"]) for axis in "xy"] for point in points] for row in rows],
        np.float32,
    )
    agreed = np.array([int(row["agreed"]) for row in rows], np.int8)
    return Labels(boxes, landmarks.reshape(-1, 5, 2), agreed)


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
