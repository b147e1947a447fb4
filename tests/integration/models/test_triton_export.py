"""The model repository for Triton: the written files, and how Triton reads them."""

import hashlib
import json
from pathlib import Path

import httpx
import onnx
import pytest
from typer.testing import CliRunner

from adapters.onnx.classifier import OnnxCropClassifier
from adapters.onnx.triton import write_triton_repository
from application.errors import InferenceUnavailable
from entrypoints.cli.commands import app


async def test_triton_reads_the_configuration(triton: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        config = (await client.get(f"{triton}/v2/models/emotion/config")).json()
    card = OnnxCropClassifier().card
    assert config["backend"] == "onnxruntime"
    assert config["max_batch_size"] == 32
    assert config["dynamic_batching"]["max_queue_delay_microseconds"] == 0
    assert config["input"][0]["dims"] == [1, card.input_height, card.input_width]
    assert config["output"][0]["label_filename"] == "labels.txt"
    assert [group["count"] for group in config["instance_group"]] == [1]
    assert [warmup["batch_size"] for warmup in config["model_warmup"]] == [1, 32]


def test_the_command_writes_the_bundled_network_and_the_next_steps(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    for _ in range(2):
        answer = CliRunner().invoke(app, ["models", "export", "--triton", str(folder)])
        assert answer.exit_code == 0
    assert f"tritonserver --model-repository {folder}" in answer.stdout
    assert "CLASSIFIER=remote REMOTE_CLASSIFIER_URL=" in answer.stdout
    written = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert written == {"emotion/config.pbtxt", "emotion/labels.txt", "emotion/1/model.onnx"}
    classifier = OnnxCropClassifier()
    assert (folder / "emotion/1/model.onnx").read_bytes() == classifier.path.read_bytes()
    assert (folder / "emotion/labels.txt").read_text().split() == list(classifier.card.labels)


def test_the_command_takes_no_options_of_the_other_export(tmp_path: Path) -> None:
    for option in ("--quantize", "--faces=faces.npz"):
        answer = CliRunner().invoke(app, ["models", "export", "--triton", str(tmp_path), option])
        assert answer.exit_code == 2
        assert "--triton takes an ONNX file as it is" in answer.stderr


def test_the_command_names_weights_that_are_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CLASSIFIER_WEIGHTS", str(tmp_path / "none.onnx"))
    answer = CliRunner().invoke(app, ["models", "export", "--triton", str(tmp_path)])
    assert answer.exit_code == 2
    assert "CLASSIFIER_WEIGHTS=" in answer.stderr


def test_a_network_for_one_batch_size_only_is_refused(tmp_path: Path) -> None:
    classifier = OnnxCropClassifier()
    network = onnx.load(classifier.path)
    for tensor in (*network.graph.input, *network.graph.output):
        tensor.type.tensor_type.shape.dim[0].dim_value = 1
    fixed = tmp_path / "fixed.onnx"
    onnx.save(network, fixed)
    facts = json.loads(classifier.path.with_suffix(".json").read_text("utf-8"))
    facts["file_sha256"] = hashlib.sha256(fixed.read_bytes()).hexdigest()
    fixed.with_suffix(".json").write_text(json.dumps(facts))
    with pytest.raises(InferenceUnavailable, match="batches of 1 and of 32"):
        write_triton_repository(OnnxCropClassifier(weights=fixed), tmp_path / "models")
    assert not (tmp_path / "models").exists()
