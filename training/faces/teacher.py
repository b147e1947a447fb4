"""The teacher, YuNet: a soft target for every cell, on the grid of the network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from .network import STRIDES


class Teacher:
    """YuNet on the grid of `network.FaceNet`: same strides, one anchor point per cell.

    W. Wu, H. Peng, S. Yu, "YuNet: a tiny millisecond-level face detector", 2023; G. Hinton,
    O. Vinyals, J. Dean, "Distilling the knowledge in a neural network", 2015.
    """

    def __init__(self, path: Path) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The teacher's answer for each cell.

        Args:
            pixels: uint8 (H, W, 3), RGB; H and W are multiples of 32.

        Returns:
            float32 (A, 15), cells as `network.FaceNet` orders them: score in [0, 1], distances to
            the four sides, five landmarks from the cell's centre, all in pixels.
        """
        bgr = np.ascontiguousarray(pixels[..., ::-1].transpose(2, 0, 1)[None], np.float32)
        names = [f"{part}_{s}" for s in STRIDES for part in ("cls", "obj", "bbox", "kps")]
        answers = dict(zip(names, self._session.run(names, {"input": bgr}), strict=True))
        levels = []
        for stride in STRIDES:
            cls, obj, box, points = (
                answers[f"{part}_{stride}"][0] for part in ("cls", "obj", "bbox", "kps")
            )
            # YuNet measures from the corner of a cell, `FaceNet` from its centre.
            middle = (box[:, :2] - 0.5) * stride
            half = np.exp(np.minimum(box[:, 2:], 8)) * stride / 2
            landmarks = (points.reshape(-1, 5, 2) - 0.5) * stride
            score = np.sqrt(np.clip(cls, 0, 1) * np.clip(obj, 0, 1))
            parts = [score, half - middle, half + middle, landmarks.reshape(-1, 10)]
            levels.append(np.concatenate(parts, 1))
        return np.concatenate(levels).astype(np.float32)
