"""The emotion network's way from crops to the files that ship, in miniature."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from adapters.onnx.classifier import OnnxCropClassifier
from tests.integration.training.data import write_crops, write_photos
from training.emotions import adjust, card
from training.emotions.__main__ import splits
from training.emotions.data import load, majority
from training.emotions.export import export
from training.emotions.far import crops_of_photos
from training.emotions.mobilenet import FaceMobileNet
from training.emotions.recipes import RECIPES, TAU, TEMPERATURE, Recipe
from training.emotions.train import train

_TINY = Recipe(
    widths=(8, 16, 16), depths=(1, 1, 1), phases=((4, 32), (4, 48)), seed=1, batch=32, dropout=0.0,
    strengths=(0.1,), ema=0.8,
)  # fmt: skip


def test_a_network_is_trained_exported_adjusted_and_described(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RECIPES, "tiny", _TINY)
    write_crops(tmp_path, train=600, valid=140)
    faces, weights, docs = splits(tmp_path), tmp_path / "weights", tmp_path / "docs"

    network = train(_TINY, faces["fit"], faces["tune"], tmp_path / "runs/tiny", tmp_path / "runs")
    export(network, faces, weights, "0.0.1", {"runs": {"tiny": 1.0}})
    every = load(tmp_path, "train")
    prior = adjust.class_prior(every)
    adjust.write(weights, adjust.some_of(every), prior, TAU, TEMPERATURE)
    adjust.remeasure(weights, faces["valid"])
    docs.mkdir()
    card.write(weights, faces["valid"], docs)

    shipped = OnnxCropClassifier(weights=weights / "emotion.onnx")
    scores = shipped.predict(faces["valid"].images[..., np.newaxis])
    assert (scores.argmax(axis=1) == majority(faces["valid"])).mean() > 0.9
    assert "# Model card: emotion-48 0.0.1" in (docs / "model-card.md").read_text()


def test_a_run_that_ended_early_continues_from_its_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RECIPES, "tiny", _TINY)
    write_crops(tmp_path, train=150, valid=14)
    faces, runs = splits(tmp_path), tmp_path / "runs"

    for phases in ((2, 32),), ((2, 32), (1, 32)):
        train(replace(_TINY, phases=phases), faces["fit"], faces["tune"], runs / "tiny", runs)

    history = json.loads((runs / "tiny" / "history.json").read_text())
    assert [row["epoch"] for row in history] == [1, 2, 3]


def test_a_run_for_other_crowds_learns_from_faces_without_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(
        _TINY, phases=((1, 48),), start={"tiny": 1.0}, teacher_weight=0.7, unlabelled=4, mix=0.5
    )
    monkeypatch.setitem(RECIPES, "tiny", _TINY)
    monkeypatch.setitem(RECIPES, "other", other)
    write_crops(tmp_path, train=350, valid=140)
    (tmp_path / "photos").mkdir()
    write_photos(tmp_path / "photos", faces=12, empty=2)
    faces, runs = splits(tmp_path), tmp_path / "runs"
    unlabelled = crops_of_photos(tmp_path / "photos", tmp_path)

    train(_TINY, faces["fit"], faces["tune"], runs / "tiny", runs)
    train(other, faces["fit"], faces["tune"], runs / "other", runs, unlabelled)

    before, after = (
        json.loads((runs / name / "history.json").read_text())[-1] for name in ("tiny", "other")
    )
    assert unlabelled.shape[1:] == (48, 48)
    assert after["accuracy"] > 0.5
    assert after["accuracy"] > before["accuracy"] - 0.2


def test_a_narrower_network_says_the_same_where_the_channels_left_out_never_change() -> None:
    torch.manual_seed(1)
    wide, narrow = FaceMobileNet(65, dropout=0.0), FaceMobileNet(65, end=512).eval()
    torch.nn.init.normal_(wide.head.weight)
    crops = torch.rand(8, 1, 48, 48) * 255
    same = torch.arange(1024) % 2 == 1
    with torch.no_grad():
        norms = [norm for norm in wide.norms if isinstance(norm, torch.nn.BatchNorm2d)]
        for norm in norms:
            norm.momentum = 1.0
        wide.train()(crops)
        wide.eval()
        for norm in norms[-2:]:
            norm.weight[same] = 0
            norm.bias[same] = torch.rand(512)

    narrow.load_wider(wide, crops)

    with torch.no_grad():
        expected, said = wide(crops), narrow(crops)
    assert expected.std(dim=0).min() > 0.01
    torch.testing.assert_close(said, expected, rtol=1e-3, atol=1e-3)
