"""The face detector's way from photographs to the files that ship, in miniature."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from adapters.inference.executor import WorkExecutor
from adapters.onnx.face_detector import OnnxFaceDetector
from adapters.onnx.network import BUNDLED
from tests.integration.training.data import write_photos, write_teacher
from training.faces import card, refiner
from training.faces.data import load
from training.faces.doubtful import CONFIDENCES, gather
from training.faces.export import export, export_detector, shipped_finder
from training.faces.network import Shape
from training.faces.run import Recipe
from training.faces.train import train

pytestmark = pytest.mark.filterwarnings("ignore:index_reduce:UserWarning")

_TINY = Recipe(
    steps=2, warmup=1, batch=2, side=128,
    shape=Shape(stem=(8, 8), widths=(8, 16, 16), depths=(0, 1, 1, 1), neck=16),
)  # fmt: skip


def test_both_networks_are_trained_exported_and_described(tmp_path: Path) -> None:
    device = torch.device("cpu")
    write_photos(tmp_path, faces=20, empty=4)
    write_teacher(tmp_path / "teacher.onnx")
    fit, tune, valid = (load(tmp_path, split, tmp_path) for split in ("fit", "fit", "valid"))
    runs, made, docs = tmp_path / "runs", tmp_path / "made", tmp_path / "docs"

    detector = train(_TINY, fit, tune, tmp_path / "teacher.onnx", runs / "detector", device)
    export_detector(detector, tune, made, "0.0.1")
    # After two steps it finds nothing, so the refiner learns from what the shipped one doubts.
    for file in ("face.onnx", "face.json"):
        shutil.copy(BUNDLED / file, made)
    finder = shipped_finder(made / "face.onnx", CONFIDENCES[0])
    doubtful = gather(
        fit, finder, tmp_path / "teacher.onnx", many=24, seed=1, cache=runs / "boxes", device=device
    )
    network = refiner.train(
        doubtful, doubtful, runs / "detector" / "checkpoint.pt", runs / "refiner", device,
        recipe=replace(refiner.RECIPE, steps=2, batch=4, warmup=1),
    )  # fmt: skip
    facts = export(network, tune, valid, made, "0.0.1")
    docs.mkdir()
    card.write(made, valid, docs)

    executor = WorkExecutor(1)
    assert OnnxFaceDetector(executor=executor, weights=made / "face.onnx").version == "0.0.1"
    executor.close()
    assert facts["recall_16"] > 0.5
    assert json.loads((made / "face_refiner.json").read_text())["parameters"] > 0
    assert "# Model card: face-pyramid 0.0.1" in (docs / "model-card-faces.md").read_text()
