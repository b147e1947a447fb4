"""``emotion-api models evaluate`` and ``export`` on the command line."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner, Result

from adapters.inference.shifts import SHIFTS
from adapters.onnx.classifier import OnnxCropClassifier
from adapters.vit.classifier import VitCropClassifier
from domain.emotion import Emotion
from entrypoints.cli.commands import app
from entrypoints.settings import SETTINGS

WORDS = ["happy", "sad", "angry", "disgust", "fear", "surprise"]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    for name in SETTINGS:
        monkeypatch.delenv(name.upper(), raising=False)


def models(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["models", *arguments])


def save_faces(images: NDArray[Any], labels: Any) -> str:
    np.savez("faces.npz", images=images, labels=labels)
    return "faces.npz"


def test_the_figures_are_those_of_the_configured_checkpoint(
    monkeypatch: pytest.MonkeyPatch, checkpoint: Path, crops: NDArray[np.uint8]
) -> None:
    monkeypatch.setenv("CLASSIFIER", "vit")
    monkeypatch.setenv("HUGGINGFACE_MODEL", str(checkpoint))
    ran = models("evaluate", "--faces", save_faces(crops, WORDS), "--json", "figures.json")
    assert ran.exit_code == 0, ran.output

    scores = VitCropClassifier(model=str(checkpoint)).predict(crops)
    right = [list(Emotion)[row.argmax()] == word for row, word in zip(scores, WORDS, strict=True)]
    figures = json.loads(Path("figures.json").read_text())
    assert figures["classifier"]["name"] == "tiny-vit"
    assert figures["faces"] == 6
    assert figures["accuracy"] == pytest.approx(np.mean(right))
    assert figures["macro_recall"] == pytest.approx(np.mean(right))  # one face of each label
    assert figures["per_class"]["neutral"]["recall"] is None
    assert figures["labels"] == list(Emotion)
    assert np.array(figures["confusion_matrix"]).sum(axis=1).tolist() == [1, 1, 1, 1, 1, 1, 0]
    assert 0 <= figures["expected_calibration_error"] <= 1
    assert figures["ms_per_face"]["alone"] > 0
    assert "tiny-vit" in ran.stdout
    assert f"{figures['accuracy']:.1%}" in ran.stdout


def test_the_bundled_network_reads_gray_crops_as_they_are() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 48, 48), dtype=np.uint8)
    scores = OnnxCropClassifier().predict(images[..., np.newaxis])
    answers = [list(Emotion)[row.argmax()] for row in scores]
    ran = models("evaluate", "--faces", save_faces(images, answers), "--json", "figures.json")
    assert ran.exit_code == 0, ran.output
    assert json.loads(Path("figures.json").read_text())["accuracy"] == 1


def test_shifted_faces_are_measured_with_equal_weight_for_each_emotion() -> None:
    images = np.random.default_rng(0).integers(0, 256, (10, 48, 48), dtype=np.uint8)
    scores = OnnxCropClassifier().predict(images[..., np.newaxis])
    # The answers are right for all faces but the last, the only one with its label.
    answers = [list(Emotion)[row.argmax()].value for row in scores]
    other = next(emotion.value for emotion in Emotion if emotion.value not in answers)
    file = save_faces(images, [*answers[:-1], other])
    ran = models("evaluate", "--faces", file, "--shifts", "--json", "figures.json")
    assert ran.exit_code == 0, ran.output

    rows = json.loads(Path("figures.json").read_text())["shifts"]
    assert [row["shift"] for row in rows] == ["as they are", *SHIFTS, "all shifts"]
    emotions = len({*answers[:-1], other})
    assert rows[0]["balanced_accuracy"] == pytest.approx((emotions - 1) / emotions)
    accuracies = [row["balanced_accuracy"] for row in rows[1:-1]]
    assert min(accuracies) < rows[0]["balanced_accuracy"]
    assert rows[-1]["balanced_accuracy"] == pytest.approx(np.mean(accuracies))
    assert all(0 <= row["expected_calibration_error"] <= 1 for row in rows)
    assert "several at once" in ran.stdout


def test_crops_of_any_size_and_in_colour_are_resized_for_the_network() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 100, 80, 3), dtype=np.uint8)
    ran = models("evaluate", "--faces", save_faces(images, np.array([b"joy", b"Anger", b"calm"])))
    assert ran.exit_code == 0, ran.output


def test_rows_with_unknown_labels_are_left_out_and_counted() -> None:
    images = np.random.default_rng(0).integers(0, 256, (6, 48, 48), dtype=np.uint8)
    labels = ["sad", "contempt", "happy", "[red]", "contempt", "NF"]
    ran = models("evaluate", "--faces", save_faces(images, labels), "--json", "figures.json")
    assert ran.exit_code == 0, ran.output
    figures = json.loads(Path("figures.json").read_text())
    assert figures["faces"] == 2
    assert figures["left_out"] == {"NF": 1, "[red]": 1, "contempt": 2}
    assert np.sum(figures["confusion_matrix"]) == 2
    assert "4  (labels that are none of the 7 emotions: NF 1, [red] 1, contempt 2)" in ran.stdout
    kept = save_faces(images[[0, 2]], ["sad", "happy"])
    alone = models("evaluate", "--faces", kept, "--json", "alone.json")
    assert alone.exit_code == 0
    for name in ("confusion_matrix", "accuracy"):
        assert json.loads(Path("alone.json").read_text())[name] == figures[name]


GRAY = np.zeros((2, 48, 48), np.uint8)


@pytest.mark.parametrize(
    ("images", "labels", "fault"),
    [
        (GRAY / 255, ["sad", "sad"], "they are float64 of shape (2, 48, 48)"),
        (np.zeros((2, 48, 48, 4), np.uint8), ["sad", "sad"], "shape (2, 48, 48, 4)"),
        (GRAY[:0], [], "images is empty"),
        (GRAY, ["sad"], "labels must have shape (2,)"),
        (GRAY, [3, 4], "labels must be words"),
        (GRAY, ["dull", "bored"], "one of happy, sad"),
        (GRAY, np.array(["sad", None], dtype=object), "labels.astype(str)"),
    ],
)
def test_arrays_that_cannot_be_read_are_explained(
    images: NDArray[Any], labels: Any, fault: str
) -> None:
    ran = models("evaluate", "--faces", save_faces(images, labels))
    assert ran.exit_code == 2
    assert fault in ran.stderr
    assert "Traceback" not in ran.stderr


def test_files_that_cannot_be_read_are_explained() -> None:
    assert "nowhere.npz does not exist" in models("evaluate", "--faces", "nowhere.npz").stderr
    Path("text.npz").write_text("hello")
    text = models("evaluate", "--faces", "text.npz")
    assert "text.npz is not a readable .npz file" in text.stderr
    np.savez_compressed("damaged.npz", images=GRAY, labels=["sad", "sad"])
    content = bytearray(Path("damaged.npz").read_bytes())
    start = content.index(b"images.npy") + len(b"images.npy")
    content[start + 30 : start + 60] = bytes(30)
    Path("damaged.npz").write_bytes(content)
    ran = models("evaluate", "--faces", "damaged.npz")
    assert "damaged.npz is not a readable .npz file" in ran.stderr
    np.save("one.npy", GRAY)
    assert "holds one array" in models("evaluate", "--faces", "one.npy").stderr
    np.savez("faces.npz", images=GRAY, names=["a", "b"])
    ran = models("evaluate", "--faces", "faces.npz")
    assert "no array 'labels'; it has images, names" in ran.stderr
    assert ran.exit_code == 2


def test_a_missing_checkpoint_is_reported_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CLASSIFIER", "vit")
    monkeypatch.setenv("HUGGINGFACE_MODEL", "somebody/never-pulled")
    ran = models("evaluate", "--faces", save_faces(GRAY, ["sad", "sad"]))
    assert ran.exit_code == 2
    assert "emotion-api models pull" in ran.stderr


def test_an_int8_export_can_be_served_and_stays_close_to_torch(
    monkeypatch: pytest.MonkeyPatch, checkpoint: Path, crops: NDArray[np.uint8]
) -> None:
    monkeypatch.setenv("HUGGINGFACE_MODEL", str(checkpoint))
    faces = save_faces(crops, WORDS)
    ran = models("export", "--out", "tiny.onnx", "--quantize", "--faces", faces)
    assert ran.exit_code == 0, ran.output
    assert "compared with torch float32 on 6 faces" in ran.stdout
    assert "ONNX int8" in ran.stdout
    assert "CLASSIFIER_WEIGHTS=tiny.onnx" in ran.stdout
    facts = json.loads(Path("tiny.json").read_text())
    assert facts["precision"] == "dynamic int8"
    largest = facts["agreement_with_torch"]["largest_difference_of_a_probability"]
    assert 0 < largest < 0.2

    exported = OnnxCropClassifier(weights=Path("tiny.onnx"))
    scores = np.concatenate([exported.predict(crop[None]) for crop in crops])
    by_torch = VitCropClassifier(model=str(checkpoint), device="cpu").predict(crops)
    assert np.abs(scores - by_torch).max() < largest + 0.05  # torch's own bfloat16

    monkeypatch.setenv("CLASSIFIER_WEIGHTS", "tiny.onnx")
    ran = models("evaluate", "--faces", faces)
    assert ran.exit_code == 0, ran.output
    assert "tiny-vit (ONNX)" in ran.stdout


def test_the_name_of_an_export_must_end_in_onnx() -> None:
    ran = models("export", "--out", "model.json")
    assert ran.exit_code == 2
    assert "has to end with .onnx" in ran.stderr


def test_creating_the_service_imports_neither_torch_nor_transformers() -> None:
    code = (
        "import sys, entrypoints.cli, entrypoints.container; "
        "print({'torch', 'transformers', 'huggingface_hub'} & set(sys.modules))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"
