"""What each way of framing a face costs in accuracy, on upright and on tilted faces.

`python -m training.emotions.framing_cost --data DIR --yunet MODEL.onnx` writes `framing-cost.md`,
measured with the shipped file on the tuning slice.
"""

from __future__ import annotations

import argparse
import cmath
import math
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from adapters.inference.crops import CropFrame, CropSpec, aligned_frame, cut_frame, frame_of
from domain.face import FaceDetection, FaceLandmarks
from domain.geometry import BoundingBox, Point
from domain.image import Image

from .data import EMOTIONS, Faces, load, majority, tuning_split
from .evaluate import confusion, recalls
from .export import run
from .framing import scene_of

_HERE = Path(__file__).parent
_WEIGHTS = _HERE.parents[1] / "adapters" / "onnx" / "weights" / "emotion.onnx"
_SPEC = CropSpec(48, 48, 1)

Pixels = npt.NDArray[np.uint8]


def _frames(face: FaceDetection) -> dict[str, CropFrame]:
    assert face.landmarks is not None
    centre = complex(face.box.centre.x, face.box.centre.y)
    long = float(face.box.longer_side)
    left, right = face.landmarks.left_eye, face.landmarks.right_eye
    level = cmath.exp(1j * math.atan2(right.y - left.y, right.x - left.x))
    return {
        "**as the service cuts**: the box's longer side, turned from 15 degrees on": frame_of(face),
        "similarity transform of five landmarks": aligned_frame(face.landmarks),
        "square, the box's longer side": CropFrame(centre, long + 0j),
        "the same, always turned so that the eyes are level": CropFrame(centre, long * level),
        "square, 1.1 x the longer side": CropFrame(centre, 1.1 * long + 0j),
        "square, 0.9 x the longer side": CropFrame(centre, 0.9 * long + 0j),
    }


def _turned(scene: Pixels, degrees: float) -> Pixels:
    side = scene.shape[0]
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), degrees, 1.0)
    turned = cv2.warpAffine(scene, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(turned, np.uint8)


def _found(yunet: cv2.FaceDetectorYN, scene: Pixels) -> FaceDetection | None:
    """The face of a scene where the detector sees exactly one."""
    yunet.setInputSize(scene.shape[1::-1])
    _, rows = yunet.detect(cv2.cvtColor(scene, cv2.COLOR_GRAY2BGR))
    if rows is None or len(rows) != 1:
        return None
    x, y, width, height, *points = (float(value) for value in rows[0, :14])
    box = BoundingBox(math.floor(x), math.floor(y), math.ceil(width), math.ceil(height))
    marks = [Point(a, b) for a, b in zip(points[::2], points[1::2], strict=True)]
    return FaceDetection(box, 1.0, FaceLandmarks(*marks))


def _table(faces: Faces, yunet: cv2.FaceDetectorYN, tilt: float) -> list[str]:
    labels = majority(faces)
    views: dict[str, list[Pixels]] = {}
    kept = []
    for number, (crop, label) in enumerate(zip(faces.images, labels, strict=True)):
        scene = _turned(scene_of(crop), tilt if number % 2 else -tilt)
        face = _found(yunet, scene)
        if label < 0 or face is None:
            continue
        kept.append(int(label))
        views.setdefault("the training data's own crop", []).append(crop)
        height, width = scene.shape
        image = Image(cv2.cvtColor(scene, cv2.COLOR_GRAY2RGB), width, height, "image/png")
        for name, frame in _frames(face).items():
            view = cut_frame(image, frame, _SPEC)[:, :, 0]
            views.setdefault(name, []).append(view)
    lines = [
        f"{len(kept)} crops:",
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
    return [*lines, ""]


def report(faces: Faces, yunet_path: Path) -> str:
    """Markdown tables of accuracy and macro recall for each framing."""
    yunet = cv2.FaceDetectorYN.create(str(yunet_path), "", (320, 320), 0.7, 0.3, 50)
    lines = [
        "# What framing costs",
        "",
        "Written by `training/emotions/framing_cost.py` with the shipped file on the tuning slice:",
        "crops with an agreed label in which YuNet (score 0.7) finds exactly one face, enlarged as",
        "in [framing.md](framing.md) and cut out again in different ways.",
        "",
        "## As they are",
        "",
        *_table(faces, yunet, 0.0),
    ]
    for tilt in (20.0, 35.0):
        lines += [
            f"## Tilted by {tilt:.0f} degrees",
            "",
            "The same scenes, turned to the left and to the right in turns before YuNet sees them.",
            "",
            *_table(faces, yunet, tilt),
        ]
    return "\n".join(lines)


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
