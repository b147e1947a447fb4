"""Measures how FER2013 frames a face, with the detectors of the service.

`python -m training.emotions.framing --data DIR --yunet MODEL.onnx` writes `framing.md`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from .data import load, majority

_LANDMARKS = (
    "eye, image left",
    "eye, image right",
    "nose tip",
    "mouth, image left",
    "mouth, image right",
)
_ZOOM = 4
_PAD = 64
_SIDE = 48


def scene_of(crop: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The crop four times as large on a wide replicated border, so that a face fits whole."""
    large = cv2.resize(crop, None, fx=_ZOOM, fy=_ZOOM, interpolation=cv2.INTER_CUBIC)
    scene = cv2.copyMakeBorder(large, _PAD, _PAD, _PAD, _PAD, cv2.BORDER_REPLICATE)
    return np.asarray(scene, np.uint8)


def _to_crop(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Scene coordinates to pixels of the 48 x 48 crop; pixel centres lie at whole numbers."""
    return (points - _PAD + 0.5) / _ZOOM - 0.5


def measure(
    crops: npt.NDArray[np.uint8], yunet_path: Path, least_score: float = 0.8
) -> dict[str, npt.NDArray[np.float64]]:
    """Landmarks and boxes of one face a crop, where a detector sees exactly one.

    Args:
        crops: uint8 (N, 48, 48).
        yunet_path: The YuNet model.
        least_score: Detections below it are left out.

    Returns:
        landmarks (M, 5, 2) x and y in crop pixels; yunet (M, 4) and haar (K, 4): centre x,
        centre y, width and height of the boxes as shares of the crop's side.
    """
    side = _SIDE * _ZOOM + 2 * _PAD
    yunet = cv2.FaceDetectorYN.create(str(yunet_path), "", (side, side), least_score, 0.3, 50)
    haar = cv2.CascadeClassifier(
        str(Path(cv2.data.haarcascades) / "haarcascade_frontalface_default.xml")
    )
    landmarks, yunet_boxes, haar_boxes = [], [], []
    for crop in crops:
        scene = scene_of(crop)
        _, found = yunet.detect(cv2.cvtColor(scene, cv2.COLOR_GRAY2BGR))
        if found is not None and len(found) == 1:
            points = _to_crop(found[0, 4:14].astype(float).reshape(5, 2))
            # YuNet names sides from the person's view; order by the image instead.
            if points[0, 0] > points[1, 0]:
                points = points[[1, 0, 2, 4, 3]]
            landmarks.append(points)
            yunet_boxes.append(_box(found[0, :4].astype(float)))
        boxes = haar.detectMultiScale(scene, 1.05, 5, minSize=(96, 96))
        if len(boxes) == 1:
            haar_boxes.append(_box(np.asarray(boxes[0], float)))
    return {
        "landmarks": np.array(landmarks),
        "yunet": np.array(yunet_boxes),
        "haar": np.array(haar_boxes),
    }


def _box(box: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    corner = (box[:2] - _PAD) / (_ZOOM * _SIDE)
    size = box[2:] / (_ZOOM * _SIDE)
    return np.concatenate([corner + size / 2, size])


def report(found: dict[str, npt.NDArray[np.float64]], count: int) -> str:
    """The findings as Markdown."""
    points, yunet, haar = found["landmarks"], found["yunet"], found["haar"]
    lines = [
        "# How the training crops frame a face",
        "",
        f"Measured by `training/emotions/framing.py` on {count} crops of the training split whose",
        "crowd label is agreed on, drawn at random. Each crop was enlarged four times (cubic), put",
        "on a replicated border of 64 pixels and shown to YuNet (score 0.8 or better) and to",
        "OpenCV's frontal Haar cascade (scale 1.05, 5 neighbours). Counted are crops with exactly",
        f"one face: {len(points)} by YuNet, {len(haar)} by Haar.",
        "",
        "## Landmarks: the alignment template",
        "",
        "Pixels of the 48 x 48 crop, origin at the centre of the top left pixel. Left and right as",
        "seen in the picture.",
        "",
        "| landmark | median x | median y | mean x | mean y | std x | std y |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    middle, mean, spread = np.median(points, 0), points.mean(0), points.std(0)
    for row, name in enumerate(_LANDMARKS):
        cells = [*middle[row], *mean[row], *spread[row]]
        lines.append(f"| {name} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |")
    symmetric = middle.copy()
    mirror = [1, 0, 2, 4, 3]
    symmetric[:, 0] = (middle[:, 0] + (_SIDE - 1 - middle[mirror, 0])) / 2
    symmetric[:, 1] = (middle[:, 1] + middle[mirror, 1]) / 2
    text = ", ".join(f"({x:.2f}, {y:.2f})" for x, y in symmetric)
    eyes = points[:, 1] - points[:, 0]
    tilt = np.degrees(np.arctan2(eyes[:, 1], eyes[:, 0]))
    distance = np.hypot(*eyes.T)
    between = np.percentile(distance, [5, 50, 95])
    turned = np.percentile(tilt, [5, 25, 50, 75, 95])
    lines += [
        "",
        f"Mirror-symmetric template (median and its mirror image averaged): `{text}`.",
        "",
        "Distance between the eyes in pixels, 5th / 50th / 95th percentile: "
        + " / ".join(f"{value:.1f}" for value in between)
        + ". Tilt of the eye line in degrees, 5th / 25th / 50th / 75th / 95th percentile: "
        + " / ".join(f"{value:.1f}" for value in turned)
        + ".",
        "",
        "## Boxes: the margin",
        "",
        "Where the detector's box lies in the crop, as shares of its side, and what follows:",
        "to frame a face as the training crops do, take a square around (box centre + offset x box",
        "width) whose side is factor x box width.",
        "",
        "| detector | | centre x | centre y | width | height | factor | offset x | offset y |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, boxes in (("YuNet", yunet), ("Haar", haar)):
        derived = np.column_stack([1 / boxes[:, 2], (0.5 - boxes[:, :2]) / boxes[:, 2:3]])
        table = np.concatenate([boxes, derived], axis=1)
        for what, percent in (("median", 50), ("5th percentile", 5), ("95th percentile", 95)):
            cells = np.percentile(table, percent, axis=0)
            lines.append(f"| {name} | {what} | " + " | ".join(f"{c:.3f}" for c in cells) + " |")
    return "\n".join([*lines, ""])


def main() -> None:
    """Measures and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--yunet", type=Path, required=True)
    parser.add_argument("--count", type=int, default=1000)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    faces = load(options.data, "train")
    agreed = np.flatnonzero(majority(faces) >= 0)
    chosen = np.random.default_rng(0).permutation(agreed)[: options.count]
    found = measure(faces.images[chosen], options.yunet)
    (Path(__file__).parent / "framing.md").write_text(report(found, len(chosen)))


if __name__ == "__main__":
    main()
