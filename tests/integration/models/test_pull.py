"""Pulling models from a hub on this machine."""

import hashlib
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dependency_injector import providers
from typer.testing import CliRunner, Result

from adapters.opencv import yunet_file
from adapters.opencv.yunet_file import YuNetFile
from adapters.vit.checkpoint import HuggingFaceCheckpoint
from adapters.vit.classifier import VitCropClassifier
from application.errors import InferenceUnavailable
from entrypoints.cli.commands import app
from entrypoints.container import Container
from entrypoints.settings import SETTINGS
from tests.servers.hub import COMMIT, HubDouble

MODEL = "somebody/emotions"
IN_PARTS = ["model-1-of-2.safetensors", "model-2-of-2.safetensors", "model.safetensors.index.json"]
YUNET_CONTENT = b"not the real network, but every bit as long as this sentence" * 500


@pytest.fixture
def published(hub: HubDouble, checkpoint: Path) -> HubDouble:
    """A hub with the tiny checkpoint, and files that training leaves behind."""
    hub.files[MODEL] = {
        **{path.name: path.read_bytes() for path in checkpoint.iterdir()},
        "README.md": b"# Emotions",
        "training_args.bin": b"pickled",
        "pytorch_model.bin": b"the same weights once more",
        "checkpoint-10/model.safetensors": b"older weights",
    }
    return hub


@pytest.fixture
def nobody() -> str:
    """An address that does not answer."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.mark.parametrize("revision", [None, COMMIT, "main"])
def test_a_pulled_checkpoint_runs_without_the_hub(
    published: HubDouble, tmp_path: Path, revision: str | None
) -> None:
    pulled = HuggingFaceCheckpoint(
        model=MODEL, revision=revision, endpoint=published.url, cache=tmp_path
    ).pull()
    assert pulled.version == COMMIT
    assert sorted(published.asked_for) == [
        "config.json",
        "model.safetensors",
        "preprocessor_config.json",
    ]
    published.refusal = (500, "")
    card = VitCropClassifier(model=MODEL, revision=revision, cache=tmp_path).card
    assert (card.name, card.version) == (MODEL, COMMIT)


def test_pulling_again_downloads_nothing(published: HubDouble, tmp_path: Path) -> None:
    checkpoint = HuggingFaceCheckpoint(model=MODEL, endpoint=published.url, cache=tmp_path)
    checkpoint.pull()
    published.asked_for.clear()
    checkpoint.pull()
    assert published.asked_for == []


def test_an_interrupted_pull_is_detected(published: HubDouble, tmp_path: Path) -> None:
    checkpoint = HuggingFaceCheckpoint(model=MODEL, endpoint=published.url, cache=tmp_path)
    (checkpoint.pull().folder / "model.safetensors").unlink()
    with pytest.raises(InferenceUnavailable, match=r"no weights.*models pull"):
        checkpoint.find()
    published.asked_for.clear()
    checkpoint.pull()
    assert checkpoint.find().version == COMMIT


@pytest.mark.parametrize(
    ("weights", "taken"),
    [
        (["pytorch_model.bin", "tf_model.h5"], ["pytorch_model.bin"]),
        (["adapter_model.safetensors", "pytorch_model.bin"], ["pytorch_model.bin"]),
        (["model.safetensors", "model.fp16.safetensors"], ["model.safetensors"]),
        (
            [*IN_PARTS, "model_index.json", "pytorch_model.bin"],
            IN_PARTS,
        ),
    ],
)
def test_weights_are_downloaded_in_one_format(
    published: HubDouble, tmp_path: Path, weights: list[str], taken: list[str]
) -> None:
    files = published.files[MODEL]
    configuration = ["config.json", "preprocessor_config.json"]
    published.files[MODEL] = {
        **{name: files[name] for name in configuration},
        **{name: name.encode() for name in weights},
    }
    HuggingFaceCheckpoint(model=MODEL, endpoint=published.url, cache=tmp_path).pull()
    assert sorted(published.asked_for) == sorted([*configuration, *taken])


@pytest.mark.parametrize(
    ("files", "lacking"),
    [
        (["preprocessor_config.json", "model.safetensors"], "no config.json$"),
        (["config.json", "pytorch_model.bin"], "no preprocessor_config.json$"),
        (["config.json", "preprocessor_config.json", "tf_model.h5"], r"no weights \(model\."),
        (
            ["config.json", "preprocessor_config.json", "adapter_model.safetensors"],
            r"no weights \(",
        ),
        (["README.md"], r"no config.json and no preprocessor_config.json and no weights \("),
    ],
)
def test_missing_files_of_a_repository_are_named_before_any_download(
    published: HubDouble, tmp_path: Path, files: list[str], lacking: str
) -> None:
    published.files[MODEL] = dict.fromkeys(files, b"{}")
    with pytest.raises(InferenceUnavailable, match=f"the repository has {lacking}") as refused:
        HuggingFaceCheckpoint(model=MODEL, endpoint=published.url, cache=tmp_path).pull()
    assert "models pull" not in str(refused.value)
    assert published.asked_for == []


def test_a_folder_needs_no_hub(checkpoint: Path, nobody: str) -> None:
    files = HuggingFaceCheckpoint(model=str(checkpoint), endpoint=nobody).pull()
    assert files.folder == checkpoint


def test_unknown_labels_are_reported_when_pulling(published: HubDouble, tmp_path: Path) -> None:
    config = published.files[MODEL]["config.json"].replace(b'"disgust"', b'"boredom"')
    published.files[MODEL]["config.json"] = config
    with pytest.raises(InferenceUnavailable, match="boredom is unknown"):
        HuggingFaceCheckpoint(model=MODEL, endpoint=published.url, cache=tmp_path).pull()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda hub: hub.files.clear(), "no such repository"),
        (lambda hub: setattr(hub, "refusal", (404, "RevisionNotFound")), "no such revision"),
        (lambda hub: setattr(hub, "refusal", (403, "GatedRepo")), "requires an agreement"),
        (lambda hub: setattr(hub, "refusal", (418, "")), "the hub answers 418"),
    ],
)
def test_a_refusal_of_the_hub_is_explained(
    published: HubDouble, tmp_path: Path, spoil: Callable[[HubDouble], None], reason: str
) -> None:
    spoil(published)
    with pytest.raises(InferenceUnavailable, match=f"{MODEL} cannot be downloaded: .*{reason}"):
        HuggingFaceCheckpoint(model=MODEL, endpoint=published.url, cache=tmp_path).pull()


def test_an_unreachable_hub_is_reported(nobody: str, tmp_path: Path) -> None:
    with pytest.raises(InferenceUnavailable, match="cannot be reached"):
        HuggingFaceCheckpoint(model=MODEL, endpoint=nobody, cache=tmp_path).pull()


def yunet_at(hub: HubDouble, path: Path) -> YuNetFile:
    """The YuNet file as that hub should have it."""
    return YuNetFile(
        path=path,
        endpoint=hub.url,
        sha256=hashlib.sha256(YUNET_CONTENT).hexdigest(),
        size_bytes=len(YUNET_CONTENT),
    )


def publish_yunet(hub: HubDouble, content: bytes) -> None:
    hub.files[yunet_file.REPOSITORY] = {yunet_file.FILE: content}


def test_yunet_is_downloaded_with_progress(hub: HubDouble, tmp_path: Path) -> None:
    publish_yunet(hub, YUNET_CONTENT)
    file = yunet_at(hub, tmp_path / "models" / "yunet.onnx")
    assert not file.is_intact()
    seen: list[int] = []
    file.pull(seen.append)
    assert file.is_intact()
    assert file.path.read_bytes() == YUNET_CONTENT
    assert seen == sorted(seen)
    assert seen[-1] == file.size_bytes


@pytest.mark.parametrize("content", [YUNET_CONTENT[:-1] + b"!", YUNET_CONTENT * 2, b""])
def test_a_file_with_another_checksum_is_discarded(
    hub: HubDouble, tmp_path: Path, content: bytes
) -> None:
    publish_yunet(hub, content)
    with pytest.raises(InferenceUnavailable, match="SHA-256 differs"):
        yunet_at(hub, tmp_path / "yunet.onnx").pull(lambda _: None)
    assert list(tmp_path.iterdir()) == []


def test_a_different_existing_file_is_not_replaced(hub: HubDouble, tmp_path: Path) -> None:
    publish_yunet(hub, YUNET_CONTENT)
    path = tmp_path / "yunet.onnx"
    path.write_bytes(b"trained by ourselves")
    with pytest.raises(InferenceUnavailable, match="remove it, or set YUNET_MODEL"):
        yunet_at(hub, path).pull(lambda _: None)
    assert hub.asked_for == []
    assert path.read_bytes() == b"trained by ourselves"
    assert list(tmp_path.iterdir()) == [path]


def test_a_hub_without_yunet_is_reported(hub: HubDouble, tmp_path: Path) -> None:
    with pytest.raises(InferenceUnavailable, match="the hub answers 404"):
        yunet_at(hub, tmp_path / "yunet.onnx").pull(lambda _: None)


def test_the_command_pulls_what_it_can_and_names_what_it_cannot(
    published: HubDouble, tmp_path: Path
) -> None:
    publish_yunet(published, b"another network")
    finished = subprocess.run(
        [sys.executable, "-m", "entrypoints.cli", "models", "pull"],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(__file__).parents[3]),
            "HF_HOME": str(tmp_path / "hub"),
            "HF_ENDPOINT": published.url,
            "HUGGINGFACE_MODEL": MODEL,
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 2, finished.stderr
    assert f"The checkpoint {MODEL} is ready, version {COMMIT}" in finished.stderr
    assert "SHA-256 differs" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert list((tmp_path / "hub").rglob("model.safetensors"))


@pytest.fixture
def typed(
    monkeypatch: pytest.MonkeyPatch, hub: HubDouble, tmp_path: Path
) -> Iterator[Callable[[], Result]]:
    """The command in an empty folder and environment, and a hub with YuNet."""
    publish_yunet(hub, YUNET_CONTENT)
    monkeypatch.chdir(tmp_path)
    for name in SETTINGS:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    place = tmp_path / "models" / "yunet.onnx"
    with Container.models.yunet_file.override(providers.Factory(yunet_at, hub, place)):
        yield lambda: CliRunner().invoke(app, ["models", "pull"])


@pytest.fixture
def no_vit_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "adapters.vit.checkpoint", raising=False)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)


@pytest.mark.usefixtures("no_vit_extra")
@pytest.mark.parametrize("empty", ["", "HUGGINGFACE_MODEL=\n"])
def test_yunet_alone_needs_no_extra(
    typed: Callable[[], Result], hub: HubDouble, empty: str
) -> None:
    Path(".env").write_text(empty)
    for outcome in ("is ready", "exists"):
        ran = typed()
        assert ran.exit_code == 0, ran.output
        assert f"YuNet {outcome}: " in ran.stderr
        assert "get it too with CLASSIFIER=vit emotion-api models pull" in ran.stderr
    assert hub.asked_for == [yunet_file.FILE]


@pytest.mark.usefixtures("no_vit_extra")
def test_pulling_a_checkpoint_needs_the_extra(
    typed: Callable[[], Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLASSIFIER", "vit")
    ran = typed()
    assert ran.exit_code == 2
    assert "YuNet is ready" in ran.stderr
    assert "pip install 'emotion-api[vit]'" in ran.stderr
    assert "get it too" not in ran.stderr


def test_the_checkpoint_is_pulled_if_the_classifier_needs_it(
    typed: Callable[[], Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLASSIFIER", "vit")
    ran = typed()
    assert ran.exit_code == 2
    default = SETTINGS["huggingface_model"].default
    assert re.search(rf"{default} \(.*\) cannot be downloaded: there is no such", ran.stderr)


def test_the_checkpoint_is_pulled_if_one_is_named(
    typed: Callable[[], Result], checkpoint: Path
) -> None:
    Path(".env").write_text(f"HUGGINGFACE_MODEL={checkpoint}\n")
    ran = typed()
    assert ran.exit_code == 0, ran.output
    assert "YuNet is ready" in ran.stderr
    assert "The checkpoint tiny-vit is ready" in ran.stderr
    assert "get it too" not in ran.stderr
