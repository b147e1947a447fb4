"""How crops should lie around this detector's boxes, so that emotions are read best.

`python -m training.faces.framing --data DIR` writes `training/faces/framing.md`: `DIR` holds the
crops that the emotion network learned from. Each is enlarged, put on a border and shown to the
detector, as the service would; then it is cut out again about the detector's box at several scales
and heights, and the emotion network reads it.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from adapters.inference.crops import cut_crop
from adapters.inference.executor import WorkExecutor
from adapters.onnx.classifier import OnnxCropClassifier
from adapters.onnx.face_detector import OnnxFaceDetector
from application.ports.face_detector import FaceDetector, WantedFaces
from domain.emotion import Emotion
from domain.face import BoxFraming, FaceDetection
from domain.image import Image
from training.emotions.data import EMOTIONS, load, majority, tuning_split

_HERE = Path(__file__).parent
_ZOOM = 4
_PAD = 64
_SCALES = (0.85, 0.9, 0.95, 1.0, 1.05, 1.1)
_DROPS = (-0.03, 0.0, 0.03)
_BORDERS = {"edge pixels repeated": cv2.BORDER_REPLICATE, "black": cv2.BORDER_CONSTANT}


def scene_of(crop: NDArray[np.uint8], border: int) -> Image:
    """The crop four times as large, on a border."""
    large = cv2.resize(crop, None, fx=_ZOOM, fy=_ZOOM, interpolation=cv2.INTER_CUBIC)
    scene = cv2.copyMakeBorder(large, _PAD, _PAD, _PAD, _PAD, border)
    pixels = cv2.cvtColor(scene, cv2.COLOR_GRAY2RGB)
    return Image(pixels, pixels.shape[1], pixels.shape[0], "image/png")


async def found_in(scenes: list[Image], detector: FaceDetector) -> list[FaceDetection | None]:
    """The face of each scene in which the detector finds exactly one."""
    found = []
    for scene in scenes:
        faces = await detector.detect(scene, WantedFaces(64))
        found.append(faces[0] if len(faces) == 1 else None)
    return found


def report(crops: NDArray[np.uint8], labels: NDArray[np.int64], detector: FaceDetector) -> str:
    """Where boxes lie, and accuracy for each framing, as Markdown.

    Args:
        crops: uint8 (N, 48, 48).
        labels: N positions in `EMOTIONS`.
        detector: whose boxes are framed.
    """
    lines = [
        "# How crops lie about the detector's boxes",
        "",
        f"Written by `training/faces/framing.py` with {detector.name} {detector.version} on "
        f"{len(crops)} crops of the tuning",
        "slice with an agreed label, enlarged four times on a border of 64 pixels. Counted are",
        "those in which it sees exactly one face.",
    ]
    classifier = OnnxCropClassifier()
    for name, border in _BORDERS.items():
        scenes = [scene_of(crop, border) for crop in crops]
        faces = asyncio.run(found_in(scenes, detector))
        kept = {index: face for index, face in enumerate(faces) if face is not None}
        boxes = np.array([_in_crop(face) for face in kept.values()])
        middle = np.median(boxes, axis=0)
        lines += [
            "",
            f"## Border: {name}",
            "",
            f"{len(kept)} crops. Median box, as parts of the crop's side: middle at "
            f"({middle[0]:.3f}, {middle[1]:.3f}), {middle[2]:.3f} wide, {middle[3]:.3f} high.",
            "",
            "Accuracy by the crop's side, in longer sides of the box, and by how far its middle "
            "lies below the box's:",
            "",
            "| side | " + " | ".join(f"{drop:+.2f}" for drop in _DROPS) + " |",
            "| --- |" + " --- |" * len(_DROPS),
        ]
        for scale in _SCALES:
            cells = []
            for drop in _DROPS:
                cut = [
                    cut_crop(scenes[i], face, classifier.crop_spec, BoxFraming(scale, drop))
                    for i, face in kept.items()
                ]
                answers = classifier.predict(np.stack(cut)).argmax(axis=1)
                order = [EMOTIONS.index(emotion.value) for emotion in Emotion]
                right = np.array(order)[answers] == labels[list(kept)]
                cells.append(f"{100 * right.mean():.1f} %")
            lines.append(f"| {scale:.2f} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def _in_crop(face: FaceDetection) -> list[float]:
    side = _ZOOM * 48
    middle = face.box.centre
    return [
        (middle.x - _PAD) / side,
        (middle.y - _PAD) / side,
        face.box.width / side,
        face.box.height / side,
    ]


def main() -> None:
    """Measures and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, help="of the detector; the bundled one by default")
    parser.add_argument("--count", type=int, default=600, help="crops, drawn at random")
    parser.add_argument("--out", type=Path, default=_HERE / "framing.md")
    options = parser.parse_args()
    executor = WorkExecutor(1)
    detector = OnnxFaceDetector(executor=executor, weights=options.weights)
    train = load(options.data, "train")
    tune = train.take(tuning_split(train)[1])
    labels = majority(tune)
    agreed = np.flatnonzero(labels >= 0)
    agreed = np.random.default_rng(0).permutation(agreed)[: options.count]
    options.out.write_text(report(tune.images[agreed], labels[agreed], detector))
    executor.close()


if __name__ == "__main__":
    main()
