"""Small made-up data sets in the form in which the training reads them."""

from __future__ import annotations

import csv
import io
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import skimage.data
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from adapters.inference.executor import WorkExecutor
from adapters.onnx.face_detector import OnnxFaceDetector
from application.ports.face_detector import WantedFaces
from domain.image import Image

_EMOTIONS = ("happy", "sad", "angry", "disgust", "fear", "surprise", "neutral")
_VOTES = ("happiness", "sadness", "anger", "disgust", "fear", "surprise", "neutral")
_CROPS_IN_A_ROW = 300
_LANDMARKS = ("reye", "leye", "nose", "rmouth", "lmouth")
_PORTRAIT = skimage.data.astronaut()[:240, 100:340]


def write_crops(folder: Path, *, train: int, valid: int) -> None:
    """Mosaics of grey crops, in which the height of a bright band tells the emotion; votes."""
    rng = np.random.default_rng(0)
    with (folder / "labels.csv").open("w", newline="") as file:
        others = ("contempt", "unknown", "nf")
        table = csv.DictWriter(file, ["split", "index", "fer2013", *_VOTES, *others], restval=0)
        table.writeheader()
        for split, count in (("train", train), ("valid", valid)):
            mosaic = np.zeros((48 * -(-count // _CROPS_IN_A_ROW), 48 * _CROPS_IN_A_ROW), np.uint8)
            for index in range(count):
                emotion = index % len(_EMOTIONS)
                row, column = divmod(index, _CROPS_IN_A_ROW)
                place = np.s_[48 * row : 48 * row + 48, 48 * column : 48 * column + 48]
                mosaic[place] = _crop(emotion, rng)
                votes = {_VOTES[emotion]: 9, _VOTES[(emotion + 1) % 7]: 1}
                table.writerow(
                    {"split": split, "index": index, "fer2013": _EMOTIONS[emotion], **votes}
                )
            lossless = [cv2.IMWRITE_WEBP_QUALITY, 101]
            assert cv2.imwrite(str(folder / f"faces_{split}.webp"), mosaic, lossless)


def _crop(emotion: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    coarse = rng.uniform(30, 120, (12, 12)).astype(np.float32)
    crop = cv2.resize(coarse, (48, 48), interpolation=cv2.INTER_CUBIC)
    crop[6 * emotion + 3 : 6 * emotion + 9] += 120
    return np.clip(crop, 0, 255).astype(np.uint8)


def write_photos(folder: Path, *, faces: int, empty: int) -> None:
    """Photographs with one face each or none, labelled by the shipped detector."""
    rng = np.random.default_rng(0)
    rows, labels = [], []
    with tarfile.open(folder / "photos-0.tar", "w") as shard:
        for index in range(faces + empty):
            has_face = index < faces
            pixels = _photo(rng, has_face=has_face)
            row = {
                "shard": "photos-0.tar",
                "name": f"photo-{index}.webp",
                "source": "made",
                "split": "valid" if index % 4 == 0 else "train",
                "kind": "face" if has_face else ("none", "none-hard")[index % 2],
                "width": pixels.shape[1],
                "height": pixels.shape[0],
            }
            rows.append(row)
            _add(shard, str(row["name"]), pixels)
            labels += [{"name": row["name"], **label} for label in _labels(pixels)]
    _write_table(folder / "photos.csv", rows)
    _write_table(folder / "faces.csv", labels)


def _photo(rng: np.random.Generator, *, has_face: bool) -> NDArray[np.uint8]:
    pixels = rng.integers(60, 120, (160, 192, 3), np.uint8)
    if has_face:
        side = int(rng.integers(96, 150))
        left, top = int(rng.integers(192 - side)), int(rng.integers(160 - side))
        portrait = cv2.resize(_PORTRAIT, (side, side), interpolation=cv2.INTER_AREA)
        pixels[top : top + side, left : left + side] = portrait
    return pixels


def _labels(pixels: NDArray[np.uint8]) -> Iterator[dict[str, float]]:
    height, width, _ = pixels.shape
    with closing(WorkExecutor(1)) as executor:
        detector = OnnxFaceDetector(executor=executor)
        found = detector.detect_now(Image(pixels, width, height, "image/webp"), WantedFaces(24))
    for face in found:
        assert face.landmarks is not None
        box, points = face.box, face.landmarks.points
        yield {
            "x": box.x,
            "y": box.y,
            "w": box.width,
            "h": box.height,
            **{f"{name}_x": point.x for name, point in zip(_LANDMARKS, points, strict=True)},
            **{f"{name}_y": point.y for name, point in zip(_LANDMARKS, points, strict=True)},
            "score": face.confidence,
            "agreed": 1,
        }


def _add(shard: tarfile.TarFile, name: str, pixels: NDArray[np.uint8]) -> None:
    _, encoded = cv2.imencode(".webp", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    entry = tarfile.TarInfo(name)
    entry.size = len(encoded)
    shard.addfile(entry, io.BytesIO(encoded.tobytes()))


def _write_table(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


def write_teacher(path: Path) -> None:
    """A network with the outputs of YuNet that has learned nothing."""
    rng = np.random.default_rng(0)
    nodes, weights, outputs = [], [], []
    for name, stride, channels in _heads():
        shape = (channels, 3, stride, stride)
        kernel = rng.normal(0, 1e-3 / stride**2, shape).astype(np.float32)
        weights += [
            numpy_helper.from_array(kernel, f"{name}.weight"),
            numpy_helper.from_array(np.zeros(channels, np.float32), f"{name}.bias"),
            numpy_helper.from_array(np.array([1, -1, channels]), f"{name}.shape"),
        ]
        nodes += [
            helper.make_node(
                "Conv", ["input", f"{name}.weight", f"{name}.bias"], [f"{name}.cells"],
                strides=[stride, stride], pads=[0, 0, 0, 0], group=1,
                kernel_shape=[stride, stride],
            ),
            helper.make_node(
                "Transpose", [f"{name}.cells"], [f"{name}.rows"], perm=[0, 2, 3, 1]
            ),
        ]  # fmt: skip
        is_score = channels == 1
        raw = f"{name}.raw" if is_score else name
        nodes.append(helper.make_node("Reshape", [f"{name}.rows", f"{name}.shape"], [raw]))
        if is_score:
            nodes.append(helper.make_node("Sigmoid", [raw], [name]))
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    pixels = helper.make_tensor_value_info("input", TensorProto.FLOAT, None)
    onnx.save(
        helper.make_model(helper.make_graph(nodes, "teacher", [pixels], outputs, weights)), path
    )


def _heads() -> Iterator[tuple[str, int, int]]:
    for stride in (8, 16, 32):
        for part, channels in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
            yield f"{part}_{stride}", stride, channels
