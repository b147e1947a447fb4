"""From trained runs to the shipped files: calibrated confidences, ONNX, metadata."""

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
from typing import Any, TypeVar

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import Tensor, nn

from adapters.inference.box_matching import IGNORED_FACE
from adapters.onnx.face_candidates import FaceCandidates, candidates_of
from adapters.onnx.face_detector import planes_of
from adapters.onnx.face_refiner import FaceRefiner
from training.card import machine

from .data import Photo
from .doubtful import CONFIDENCES, SIDE, SPAN
from .evaluate import (
    LONG_SIDE,
    READS,
    SAME_FACE,
    Finder,
    Judged,
    in_two_views,
    judge_all,
    matched,
    shown,
    summary,
    threshold_for,
)
from .network import STRIDES, FaceNet
from .refiner import RefinerNet
from .train import finder

_LARGE = 1000
DETECTOR, REFINER = "face.onnx", "face_refiner.onnx"
THRESHOLD = 0.5
"""The least confidence that makes a face by default: a box that is a face rather than not."""


class Shipped(nn.Module):
    """The network as the service calls it: bytes in, calibrated log-odds out."""

    def __init__(self, network: FaceNet, slope: float, offset: float) -> None:
        super().__init__()
        self._network = _reading_bytes(network)
        for head in self._network.heads:
            final = head[1]  # type: ignore[index]
            final.weight.data[0] *= slope
            final.bias.data[0] = final.bias.data[0] * slope + offset

    def forward(self, pixels: Tensor) -> Tensor:
        """uint8 (N, 3, H, W) → float32 (N, 15, A), see `network.FaceNet.encoded`."""
        return self._network.encoded(pixels.float())


class ShippedRefiner(nn.Module):
    """The refiner as the service calls it: bytes in."""

    def __init__(self, network: RefinerNet) -> None:
        super().__init__()
        self._network = _reading_bytes(network)

    def forward(self, crops: Tensor) -> Tensor:
        """uint8 (N, SIDE, SIDE, 3) → float32 (N, 15), see `refiner.RefinerNet`."""
        answers: Tensor = self._network(crops.permute(0, 3, 1, 2).float())
        return answers


Network = TypeVar("Network", FaceNet, RefinerNet)


def _reading_bytes(network: Network) -> Network:
    """The same network for pixels from 0 to 255, which saves a pass over all of them."""
    own: Network = copy.deepcopy(network).to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    own.stem[0][0].weight.data /= 255  # type: ignore[index]
    return own.eval()


def fit_confidence(judged: Sequence[Judged]) -> tuple[float, float]:
    """Slope and offset of the logit with which a score says how many of its boxes are faces."""
    confidences = np.concatenate([j.confidences for j in judged])
    slope, offset = _fitted(_logit(confidences)[:, None], np.concatenate([j.true for j in judged]))
    return slope, offset


def fit_refined_confidence(
    find: Finder, refiner: FaceRefiner, photos: Sequence[Photo]
) -> tuple[float, float, float]:
    """What the log-odds of detector and refiner weigh in the confidence, and its offset.

    Fitted before duplicates are removed: a box moved onto a face counts as being on it.

    Args:
        find: The exported detector.
        refiner: The exported refiner, whatever its weights.
        photos: Images on which neither was trained.
    """
    log_odds, true = [], []
    for photo in photos:
        pixels, labels = shown(photo)
        found = find(pixels)
        found = found[refiner.doubtful(found)]
        if not len(found):
            continue
        answers, moved = refiner.judge(pixels, found)
        faces = matched(moved, labels).faces
        counts = faces != IGNORED_FACE
        log_odds.append(np.stack([_logit(found.confidences), answers], 1)[counts])
        true.append(faces[counts] >= 0)
    first, second, offset = _fitted(np.concatenate(log_odds), np.concatenate(true))
    return first, second, offset


def _logit(confidences: NDArray[np.float32]) -> NDArray[np.float32]:
    clipped = confidences.clip(1e-6, 1 - 1e-6)
    return np.asarray(np.log(clipped / (1 - clipped)))


def _fitted(inputs: NDArray[np.float32], true: NDArray[np.bool_]) -> list[float]:
    """Weights of the inputs (N, K) in a logistic regression, and its offset.

    J. Platt, "Probabilistic outputs for support vector machines", 1999.
    """
    known = torch.from_numpy(np.column_stack([inputs, np.ones(len(inputs))])).double()
    wanted = torch.from_numpy(true).double()
    line = torch.zeros(known.shape[1], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([line], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        cost = nn.functional.binary_cross_entropy_with_logits(known @ line, wanted)
        cost.backward()  # type: ignore[no-untyped-call]
        return cost

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    weights: list[float] = line.detach().tolist()
    return weights


def write_detector(network: FaceNet, path: Path, slope: float, offset: float) -> None:
    """Writes the network; the graph maps `pixels` to `cells` for images of any size."""
    example = torch.zeros(2, 3, 64, 96, dtype=torch.uint8)
    axes = {
        "pixels": {0: "pictures", 2: "height", 3: "width"},
        "cells": {0: "pictures", 2: "cells"},
    }
    _write(Shipped(network, slope, offset), example, axes, path)


def write_refiner(network: RefinerNet, path: Path) -> None:
    """Writes the network; the graph maps `crops` to `faces`."""
    example = torch.zeros(2, SIDE, SIDE, 3, dtype=torch.uint8)
    axes = {"crops": {0: "boxes"}, "faces": {0: "boxes"}}
    _write(ShippedRefiner(network), example, axes, path)


def _write(
    network: nn.Module, example: Tensor, axes: dict[str, dict[int, str]], path: Path
) -> None:
    inputs, outputs = axes
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # the exporter warns that it is the older one
        raw = Path(folder) / "raw.onnx"
        torch.onnx.export(
            network.eval(),
            (example,),
            str(raw),
            input_names=[inputs],
            output_names=[outputs],
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )
        quant_pre_process(str(raw), str(path), skip_symbolic_shape=True)
    model = onnx.load(path)
    halve(model.graph)
    onnx.save(model, path)


def halve(graph: onnx.GraphProto) -> None:
    """Store large weights as float16, which halves the file; they are used as float32.

    ONNX Runtime converts them once, when it loads the network. The few weights of the first layer
    stay: divided by 255, some are too small for float16.
    """
    for tensor in list(graph.initializer):
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < _LARGE:
            continue
        stored = numpy_helper.from_array(values.astype(np.float16), f"{tensor.name}.half")
        graph.initializer.remove(tensor)
        graph.initializer.append(stored)
        cast = helper.make_node("Cast", [stored.name], [tensor.name], to=TensorProto.FLOAT)
        graph.node.insert(0, cast)


def session(path: Path, threads: int = 1) -> onnxruntime.InferenceSession:
    """An ONNX Runtime session on the CPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def shipped_finder(path: Path, least: float) -> Finder:
    """The exported detector as a `Finder`."""
    runner = session(path)

    def find(pixels: NDArray[np.uint8]) -> FaceCandidates:
        planes = planes_of(pixels, STRIDES[-1])
        cells = runner.run(None, {"pixels": planes[None]})[0][0]
        shape = (pixels.shape[0], pixels.shape[1])
        return candidates_of(cells, shape, STRIDES, least=least, iou=SAME_FACE)

    return find


def refined_finder(folder: Path) -> Finder:
    """Both exported networks as a `Finder`."""
    refiner = FaceRefiner(folder / REFINER)
    find = shipped_finder(folder / DETECTOR, refiner.least)

    def look(pixels: NDArray[np.uint8]) -> FaceCandidates:
        found = refiner.refine(pixels, find(pixels))
        return found[np.argsort(-found.confidences, kind="stable")]

    return look


def latency_ms(path: Path, *shape: int) -> float:
    """Milliseconds per image or crop of that shape, median of 60 runs on one thread."""
    runner = session(path)
    name = runner.get_inputs()[0].name
    pixels = np.random.default_rng(0).integers(0, 256, (1, *shape), dtype=np.uint8)
    times = []
    for _ in range(10 + 60):
        start = time.perf_counter()
        runner.run(None, {name: pixels})
        times.append((time.perf_counter() - start) * 1000)
    return round(float(np.median(times[10:])), 2)


def calibration(judged: Sequence[Judged], least: float) -> list[dict[str, float]]:
    """For each tenth of confidence the number of boxes, and the share that are faces."""
    confidences = np.concatenate([j.confidences for j in judged])
    true = np.concatenate([j.true for j in judged])
    rows = []
    for low in np.arange(0.1, 1.0, 0.1):
        inside = (confidences >= max(low, least)) & (confidences < low + 0.1)
        if inside.any():
            rows.append(
                {
                    "from": round(float(low), 1),
                    "boxes": int(inside.sum()),
                    "mean_confidence": round(float(confidences[inside].mean()), 3),
                    "share_of_faces": round(float(true[inside].mean()), 3),
                }
            )
    return rows


def export_detector(network: FaceNet, tune: Sequence[Photo], folder: Path, version: str) -> Path:
    """Writes the detector and what is known of it without its refiner.

    The confidence is fitted on the tuning slice, so nothing is fitted to the validation images.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / DETECTOR
    slope, offset = fit_confidence(judge_all(in_two_views(finder(network)), tune))
    write_detector(network, target, slope, offset)
    facts = {
        **_described(target, "face-pyramid", version),
        "strides": list(STRIDES),
        "threshold": THRESHOLD,
        "iou": SAME_FACE,
        "reads": list(READS),
        "parameters": sum(p.numel() for p in network.parameters()),
    }
    _write_facts(target, facts)
    return target


def export(
    network: RefinerNet,
    tune: Sequence[Photo],
    valid: Sequence[Photo],
    folder: Path,
    version: str,
) -> dict[str, Any]:
    """Writes the refiner beside the detector, measures both together and returns the metadata.

    The confidence is fitted on the tuning slice, so nothing is fitted to the validation images.
    """
    detector, refiner = folder / DETECTOR, folder / REFINER
    write_refiner(network, refiner)
    facts = {
        **_described(refiner, "face-refiner", version),
        "parameters": sum(p.numel() for p in network.parameters()),
        "span": SPAN,
        "doubtful": list(CONFIDENCES),
        "confidence": {"detector": 0.0, "refiner": 1.0, "offset": 0.0},
    }
    _write_facts(refiner, facts)
    first, second, offset = fit_refined_confidence(
        shipped_finder(detector, CONFIDENCES[0]), FaceRefiner(refiner), tune
    )
    facts["confidence"] = {"detector": first, "refiner": second, "offset": offset}
    _write_facts(refiner, facts)
    judged = judge_all(in_two_views(refined_finder(folder)), valid)
    metadata: dict[str, Any] = {
        **json.loads(detector.with_suffix(".json").read_text()),
        "version": version,
        "made_on": facts["made_on"],
        "threshold": THRESHOLD,
        "refiner": REFINER,
        "refiner_parameters": facts["parameters"],
        "measured_on": f"{len(valid)} validation images at {LONG_SIDE} px, labelled by YuNet "
        "in three passes; nothing was fitted to them",
        **summary(judged, THRESHOLD),
        "at_20_false_boxes": summary(judged, threshold_for(judged, 20)),
        "calibration": calibration(judged, 0.05),
        "latency_ms": {
            "640 x 480": latency_ms(detector, 3, 480, 640),
            "320 x 256": latency_ms(detector, 3, 256, 320),
            "a box": latency_ms(refiner, SIDE, SIDE, 3),
            "machine": machine(),
        },
    }
    _write_facts(detector, metadata)
    return metadata


def _described(path: Path, name: str, version: str) -> dict[str, Any]:
    content = path.read_bytes()
    return {
        "name": name,
        "version": version,
        "file_sha256": hashlib.sha256(content).hexdigest(),
        "file_bytes": len(content),
        "made_on": date.today().isoformat(),
    }


def _write_facts(path: Path, facts: dict[str, Any]) -> None:
    path.with_suffix(".json").write_text(json.dumps(facts, indent=2) + "\n")
