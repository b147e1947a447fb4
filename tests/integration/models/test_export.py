"""Exports give the same scores as torch; int8 is tested with the command."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from adapters.inference.crops import CropSpec
from adapters.onnx.classifier import OnnxCropClassifier
from adapters.onnx.triton import write_triton_repository
from adapters.vit.checkpoint import HuggingFaceCheckpoint
from adapters.vit.export import CheckpointExport
from adapters.vit.network import load_network
from application.evaluation import ExportReport
from tests.checkpoints import LABELS, SIDE, write_checkpoint
from tests.servers.open_inference import classifier_at
from tests.servers.triton import triton_server


@pytest.fixture(scope="module")
def nine_labels(tmp_path_factory: pytest.TempPathFactory) -> HuggingFaceCheckpoint:
    """A checkpoint with contempt and two labels for neutral."""
    folder = tmp_path_factory.mktemp("nine")
    mean = {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.3, 0.4]}
    write_checkpoint(folder, ("contempt", *LABELS, "calm"), mean)
    return HuggingFaceCheckpoint(model=str(folder))


@pytest.fixture(scope="module")
def plain(
    nine_labels: HuggingFaceCheckpoint,
    crops: NDArray[np.uint8],
    tmp_path_factory: pytest.TempPathFactory,
) -> ExportReport:
    out = tmp_path_factory.mktemp("exports") / "new folder" / "plain.onnx"
    return CheckpointExport(checkpoint=nine_labels).write(out, quantize=False, crops=crops)


def by_torch(checkpoint: HuggingFaceCheckpoint, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    import torch

    with torch.inference_mode():
        faces = torch.from_numpy(crops).permute(0, 3, 1, 2).float()
        return np.asarray(load_network(checkpoint.find())(faces).softmax(dim=1).numpy())


@pytest.mark.parametrize("faces", [1, 6])
def test_onnx_runtime_serves_an_export_and_agrees_with_torch(
    nine_labels: HuggingFaceCheckpoint, plain: ExportReport, crops: NDArray[np.uint8], faces: int
) -> None:
    classifier = OnnxCropClassifier(weights=plain.out)
    assert classifier.crop_spec == CropSpec(width=SIDE, height=SIDE, channels=3)
    np.testing.assert_allclose(
        classifier.predict(crops[:faces]), by_torch(nine_labels, crops[:faces]), atol=1e-4
    )


async def test_an_export_gives_the_same_scores_on_triton(
    plain: ExportReport, crops: NDArray[np.uint8], tmp_path: Path
) -> None:
    here = OnnxCropClassifier(weights=plain.out)
    write_triton_repository(here, tmp_path / "models")
    async with triton_server(tmp_path / "models", tmp_path / "backends") as url:
        there = classifier_at(url)
        there.check()
        assert there.crop_spec == here.crop_spec
        np.testing.assert_allclose(there.predict(crops), here.predict(crops), atol=1e-5)
        there.close()


def test_the_report_and_the_card_contain_the_agreement(plain: ExportReport) -> None:
    assert sorted(path.name for path in plain.out.parent.iterdir()) == ["plain.json", "plain.onnx"]
    assert plain.crops == 6
    by_form = {each.form: each for each in plain.forms}
    assert plain.forms[0].form == "torch float32"
    assert by_form["ONNX float32"].largest_difference < 1e-4
    assert by_form["ONNX float32"].same_answer == 1
    assert "ONNX int8" not in by_form
    assert by_form["ONNX float32"].megabytes == pytest.approx(plain.out.stat().st_size / 1e6)
    measured = OnnxCropClassifier(weights=plain.out).card.measured
    assert measured["agreement_with_torch"]["same_dominant_emotion"] == 1  # type: ignore[index]
