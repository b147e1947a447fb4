"""The output of the command line: names, terminals and pipes of every kind."""

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from importlib.metadata import version
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from entrypoints.cli.commands import app
from entrypoints.settings import SETTINGS

ROOT = Path(__file__).parents[2]
NAMES = [
    "portrait[final].jpg",
    "[red]warm[link=x] [bold].jpg",
    ":smile: and :warning:.jpg",
    "a name that is longer than a terminal is wide " + 40 * "x" + ".jpg",
    "写真 ü ي.jpg",
]
CONTROL = "red\x1b[31m\nand\rback\u202egpj.jpg"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a small image without a face."""
    monkeypatch.chdir(tmp_path)
    for name in SETTINGS:
        monkeypatch.delenv(name.upper(), raising=False)
    Image.new("RGB", (96, 96), (90, 120, 150)).save(tmp_path / "plain.jpg")
    return tmp_path


def emotion_api(*arguments: str) -> Result:
    """Run the command in this process, without a terminal."""
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "40"})


def started(folder: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Run the command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "entrypoints.cli", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def named(folder: Path, *names: str) -> list[str]:
    for name in names:
        (folder / name).write_bytes((folder / "plain.jpg").read_bytes())
    return list(names)


def at_terminal(folder: Path, columns: int, *arguments: str) -> str:
    """The output of a command at a terminal of that width."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        process = subprocess.Popen(
            [sys.executable, "-m", "entrypoints.cli", *arguments],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
            stdout=its,
            stderr=subprocess.DEVNULL,
        )
        os.close(its)
        said = b""
        try:
            while part := terminal.read(65536):
                said += part
        except OSError:
            pass  # the end of a terminal's output
        assert process.wait(60) == 0
    return said.decode()


def test_names_are_printed_in_full_to_a_pipe(folder: Path) -> None:
    done = emotion_api("detect", *named(folder, *NAMES))
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 1 + len(NAMES), done.stdout
    for name, line in zip(NAMES, lines[1:], strict=True):
        assert line.startswith(name)
        assert "no face" in line


def test_a_narrow_terminal_wraps_names(folder: Path) -> None:
    (name,) = named(folder, "n" * 120 + ".jpg")
    said = at_terminal(folder, 60, "detect", name)
    assert "…" not in said
    assert said.replace("confidence", "").count("n") >= 120


def test_control_characters_are_escaped_and_undecodable_names_are_read(folder: Path) -> None:
    undecodable = os.fsdecode(b"caf\xe9.jpg")
    done = emotion_api("detect", *named(folder, CONTROL, undecodable))
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    assert lines[1].startswith(r"red\x1b[31m\nand\rback\u202egpj.jpg")
    assert lines[2].startswith(r"caf\udce9.jpg")
    as_json = emotion_api("detect", "--json", CONTROL, undecodable)
    names = [each["filename"] for each in json.loads(as_json.stdout)]
    assert names == [CONTROL, undecodable]


def test_errors_contain_names_unchanged(folder: Path) -> None:
    (folder / "broken[bold].jpg").write_bytes(b"no picture")
    done = emotion_api("detect", "broken[bold].jpg", "missing[/].jpg")
    assert done.exit_code == 1
    assert "broken[bold].jpg: " in done.stderr
    assert "missing[/].jpg: " in done.stderr


def test_characters_missing_in_the_encoding_are_escaped(folder: Path) -> None:
    (name,) = named(folder, "写真.jpg")
    process = started(folder, "detect", name, PYTHONIOENCODING="ascii")
    said, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert r"\u5199\u771f.jpg" in said


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".JPEG", ".webp"])
def test_the_suffix_chooses_the_format_of_a_copy(folder: Path, suffix: str) -> None:
    done = emotion_api("detect", "plain.jpg", "--annotate", f"drawn{suffix}")
    assert done.exit_code == 0, done.stderr
    with Image.open(folder / f"drawn{suffix}") as drawn:
        kinds = {".png": "PNG", ".webp": "WEBP"}
        assert drawn.format == kinds.get(suffix, "JPEG")


def test_an_unknown_suffix_of_a_copy_is_refused_before_any_work(folder: Path) -> None:
    done = emotion_api("detect", "plain.jpg", "--annotate", "drawn.pdf")
    assert done.exit_code == 2
    assert "drawn.pdf" in done.stderr
    assert ".png" in done.stderr


def test_a_missing_folder_is_named_and_the_result_is_printed(folder: Path) -> None:
    done = emotion_api("detect", "--json", "plain.jpg", "--annotate", "no/where.png")
    assert done.exit_code == 1
    [found] = json.loads(done.stdout)
    assert found["status"] == "completed"
    assert found["image"] == {"width": 96, "height": 96}
    assert "no folder no " in done.stderr
    assert "no folder plain.jpg" not in done.stderr


def test_one_name_for_the_copies_of_several_images_is_refused(folder: Path) -> None:
    named(folder, "other.jpg")
    done = emotion_api("detect", "plain.jpg", "other.jpg", "--annotate", "drawn.png")
    assert done.exit_code == 2
    assert "drawn.png: give a folder" in done.stderr
    assert not (folder / "drawn.png").exists()


def test_copies_of_the_same_name_do_not_overwrite_each_other(folder: Path) -> None:
    for name in ("a", "b", "c"):
        (folder / name).mkdir()
        named(folder, f"{name}/x.jpg")
    done = emotion_api("detect", "a/x.jpg", "b/x.jpg", "c/x.jpg", "--annotate", "drawn")
    assert done.exit_code == 0, done.stderr
    assert len(list((folder / "drawn").iterdir())) == 3


@pytest.mark.parametrize("arguments", [["--json"], []])
def test_a_closed_pipe_is_not_an_error(folder: Path, arguments: list[str]) -> None:
    with started(folder, "detect", *arguments, "plain.jpg") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
    assert said == ""


def test_the_version_is_printed() -> None:
    done = emotion_api("--version")
    assert (done.exit_code, done.stdout) == (0, f"emotion-api {version('emotion-api')}\n")


def test_an_invalid_port_is_refused() -> None:
    done = emotion_api("serve", "--port", "70000")
    assert done.exit_code == 2
    assert "70000" in done.stderr


def test_options_take_precedence_over_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOST", "127.0.0.1")
    done = emotion_api("serve", "--host", "not an address")
    assert done.exit_code == 2
    assert "HOST=not an address" in done.stderr
