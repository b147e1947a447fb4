"""From a trained run to the shipped file: calibrated confidence, ONNX, metadata."""

from __future__ import annotations

import copy
import hashlib
import json
import tempfile
import time
import warnings
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import Tensor, nn

from .data import Photo
from .evaluate import (
    LONG_SIDE,
    READS,
    Finder,
    Found,
    Judged,
    from_cells,
    in_two_views,
    judge_all,
    summary,
    threshold_for,
)
from .network import STRIDES, FaceNet, centres
from .train import finder

OVERLAP = 0.4
"""Boxes that overlap more (intersection over union) are the same face."""
THRESHOLD = 0.6
"""The least confidence that makes a face by default: six in ten such boxes are faces. Nearly all of
the others are smaller than the smallest face that the service asks for."""


class Shipped(nn.Module):
    """The network as the service calls it: bytes in, calibrated confidence out."""

    def __init__(self, network: FaceNet, slope: float, offset: float) -> None:
        super().__init__()
        self._network = copy.deepcopy(network)
        # The first weights read 0..255, which saves a pass over all pixels.
        self._network.stem[0][0].weight.data /= 255  # type: ignore[index]
        self._slope, self._offset = slope, offset

    def forward(self, pixels: Tensor) -> Tensor:
        """uint8 (N, H, W, 3) → float32 (N, A, 15), see `network.FaceNet`; column 0 a confidence."""
        cells = self._network(pixels.permute(0, 3, 1, 2).float())
        confidence = torch.sigmoid(cells[..., :1] * self._slope + self._offset)
        return torch.cat([confidence, cells[..., 1:]], -1)


def fit_confidence(judged: Sequence[Judged]) -> tuple[float, float]:
    """Slope and offset of the logit with which a score says how many of its boxes are faces.

    J. Platt, "Probabilistic outputs for support vector machines", 1999.
    """
    scores = np.concatenate([j.scores for j in judged]).clip(1e-6, 1 - 1e-6)
    logits = torch.from_numpy(np.log(scores / (1 - scores))).double()
    true = torch.from_numpy(np.concatenate([j.true for j in judged])).double()
    line = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([line], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        cost = nn.functional.binary_cross_entropy_with_logits(logits * line[0] + line[1], true)
        cost.backward()  # type: ignore[no-untyped-call]
        return cost

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    slope, offset = line.detach().tolist()
    return slope, offset


def write_onnx(network: FaceNet, path: Path, slope: float, offset: float) -> None:
    """Writes the network; the graph maps `pixels` to `cells` for images of any size."""
    shipped = Shipped(network.to(memory_format=torch.contiguous_format), slope, offset).eval()  # type: ignore[call-overload]
    example = torch.zeros(2, 64, 96, 3, dtype=torch.uint8)
    axes = {
        "pixels": {0: "pictures", 1: "height", 2: "width"},
        "cells": {0: "pictures", 1: "cells"},
    }
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # the exporter warns that it is the older one
        raw = Path(folder) / "raw.onnx"
        torch.onnx.export(
            shipped,
            (example,),
            str(raw),
            input_names=["pixels"],
            output_names=["cells"],
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )
        quant_pre_process(str(raw), str(path), skip_symbolic_shape=True)


def session(path: Path, threads: int = 1) -> onnxruntime.InferenceSession:
    """An ONNX Runtime session on the CPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def shipped_finder(path: Path, least: float) -> Finder:
    """The exported file as a `Finder`."""
    runner = session(path)

    def find(pixels: NDArray[np.uint8]) -> Found:
        cells = runner.run(None, {"pixels": pixels[None]})[0][0]
        points, _ = centres(*pixels.shape[:2])
        return from_cells(cells, points.numpy(), least)

    return find


def latency_ms(path: Path, width: int, height: int, repeats: int = 60) -> float:
    """Milliseconds per image, median, on one thread."""
    runner = session(path)
    pixels = np.random.default_rng(0).integers(0, 256, (1, height, width, 3), dtype=np.uint8)
    times = []
    for _ in range(repeats + 10):
        start = time.perf_counter()
        runner.run(None, {"pixels": pixels})
        times.append((time.perf_counter() - start) * 1000)
    return round(float(np.median(times[10:])), 2)


def calibration(judged: Sequence[Judged], least: float) -> list[dict[str, float]]:
    """For each tenth of confidence the number of boxes, and the share that are faces."""
    scores = np.concatenate([j.scores for j in judged])
    true = np.concatenate([j.true for j in judged])
    rows = []
    for low in np.arange(0.1, 1.0, 0.1):
        inside = (scores >= max(low, least)) & (scores < low + 0.1)
        if inside.any():
            rows.append(
                {
                    "from": round(float(low), 1),
                    "boxes": int(inside.sum()),
                    "mean_confidence": round(float(scores[inside].mean()), 3),
                    "share_of_faces": round(float(true[inside].mean()), 3),
                }
            )
    return rows


def export(
    network: FaceNet,
    tune: Sequence[Photo],
    valid: Sequence[Photo],
    folder: Path,
    version: str,
) -> dict[str, Any]:
    """Writes `face.onnx` and `face.json` and returns the metadata.

    The confidence is fitted on the tuning slice, so nothing is fitted to the validation images.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "face.onnx"
    slope, offset = fit_confidence(judge_all(in_two_views(finder(network)), tune))
    write_onnx(network, target, slope, offset)
    find = in_two_views(shipped_finder(target, 0.05))
    judged = judge_all(find, valid)
    content = target.read_bytes()
    metadata = {
        "name": "face-pyramid",
        "version": version,
        "file_sha256": hashlib.sha256(content).hexdigest(),
        "file_bytes": len(content),
        "made_on": date.today().isoformat(),
        "strides": list(STRIDES),
        "threshold": THRESHOLD,
        "iou": OVERLAP,
        "reads": list(READS),
        "parameters": sum(p.numel() for p in network.parameters()),
        "measured_on": f"{len(valid)} validation images at {LONG_SIDE} px, labelled by YuNet "
        "in three passes; nothing was fitted to them",
        **summary(judged, THRESHOLD),
        "at_20_false_boxes": summary(judged, threshold_for(judged, 20)),
        "calibration": calibration(judged, 0.05),
        "latency_ms": {
            "640 x 480": latency_ms(target, 640, 480),
            "320 x 256": latency_ms(target, 320, 256),
        },
    }
    (folder / "face.json").write_text(json.dumps(metadata, indent=2) + "\n")
    return metadata
