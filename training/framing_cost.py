"""What each way of framing a face costs in accuracy: aligned, or cut out along the box.

`python -m training.framing_cost --data DIR --yunet MODEL.onnx` writes `training/framing-cost.md`,
measured with the shipped file on the tuning slice.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from .data import EMOTIONS, Faces, load, majority, tuning_split
from .evaluate import confusion, recalls
from .export import run
from .framing import _PAD, _SIDE, _ZOOM, _scene

_HERE = Path(__file__).parent
_WEIGHTS = _HERE.parent / "adapters" / "onnx" / "weights" / "emotion.onnx"
TEMPLATE = np.array(
    [(14.70, 17.81), (32.30, 17.81), (23.50, 28.18), (16.32, 35.34), (30.68, 35.34)], np.float32
)
"""Landmarks of the median training crop, from `framing.md`."""
WIDTH_FACTOR, HEIGHT_FACTOR = 1.293, 0.981
"""Side of the median training crop over width and height of YuNet's box."""
_OFFSET = 0.02

Image = npt.NDArray[np.uint8]
Box = npt.NDArray[np.float32]


def _cut(scene: Image, matrix: npt.NDArray[np.float64]) -> Image:
    smooth = cv2.blur(scene, (3, 3))  # a quarter of the size: keep fine detail from aliasing
    crop = cv2.warpAffine(
        smooth, matrix, (_SIDE, _SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(crop, np.uint8)


def _square(scene: Image, face: Box, side: float, angle: float = 0.0) -> Image:
    x, y, width, height = (float(value) for value in face[:4])
    centre = (x + width / 2, y + height / 2 + _OFFSET * width)
    matrix = cv2.getRotationMatrix2D(centre, angle, _SIDE / side)
    matrix[:, 2] += _SIDE / 2 - np.array(centre)
    return _cut(scene, matrix)


def _views(scene: Image, face: Box) -> dict[str, Image]:
    points = face[4:14].reshape(5, 2).astype(np.float32)
    if points[0, 0] > points[1, 0]:
        points = points[[1, 0, 2, 4, 3]]
    aligned, _ = cv2.estimateAffinePartial2D(points, TEMPLATE, method=cv2.LMEDS)
    eyes = points[1] - points[0]
    tilt = float(np.degrees(np.arctan2(eyes[1], eyes[0])))
    width, height = float(face[2]), float(face[3])
    return {
        "similarity transform of five landmarks": _cut(scene, aligned),
        "square, 1.293 x box width": _square(scene, face, WIDTH_FACTOR * width),
        "square, 0.981 x box height": _square(scene, face, HEIGHT_FACTOR * height),
        "the same, turned so that the eyes are level": _square(
            scene, face, HEIGHT_FACTOR * height, tilt
        ),
        "the same, turned only when tilted by 15 degrees or more": _square(
            scene, face, HEIGHT_FACTOR * height, tilt if abs(tilt) >= 15 else 0.0
        ),
        "square, 1.1 x box height": _square(scene, face, 1.1 * height),
        "square, 0.9 x box height": _square(scene, face, 0.9 * height),
    }


def report(faces: Faces, yunet_path: Path) -> str:
    """Markdown table of accuracy and macro recall for each framing."""
    side = _SIDE * _ZOOM + 2 * _PAD
    yunet = cv2.FaceDetectorYN.create(str(yunet_path), "", (side, side), 0.7, 0.3, 50)
    labels = majority(faces)
    views: dict[str, list[Image]] = {}
    kept = []
    for crop, label in zip(faces.images, labels, strict=True):
        scene = _scene(crop)
        _, found = yunet.detect(cv2.cvtColor(scene, cv2.COLOR_GRAY2BGR))
        if label < 0 or found is None or len(found) != 1:
            continue
        kept.append(int(label))
        views.setdefault("the training data's own crop", []).append(crop)
        for name, view in _views(scene, found[0]).items():
            views.setdefault(name, []).append(view)
    lines = [
        "# What framing costs",
        "",
        "Written by `training/framing_cost.py` with the shipped file on the tuning slice: crops",
        "with an agreed label in which YuNet (score 0.7) finds exactly one face, "
        f"{len(kept)} of them,",
        "enlarged as in [framing.md](framing.md) and cut out again in different ways. The centre",
        "of the squares is the box's centre, lowered by 0.02 x box width.",
        "",
        "| framing | accuracy | macro recall | expressive called neutral |",
        "| --- | --- | --- | --- |",
    ]
    neutral = EMOTIONS.index("neutral")
    for name, images in views.items():
        counts = confusion(run(_WEIGHTS, np.stack(images)), np.array(kept))
        rest = np.delete(counts, neutral, axis=0)
        figures = (
            counts.trace() / counts.sum(),
            np.nanmean(recalls(counts)),
            rest[:, neutral].sum() / rest.sum(),
        )
        lines.append(f"| {name} | " + " | ".join(f"{100 * f:.1f} %" for f in figures) + " |")
    return "\n".join([*lines, ""])


def main() -> None:
    """Measures and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--yunet", type=Path, required=True)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    train = load(options.data, "train")
    tune = train.take(tuning_split(train)[1])
    (_HERE / "framing-cost.md").write_text(report(tune, options.yunet))


if __name__ == "__main__":
    main()
