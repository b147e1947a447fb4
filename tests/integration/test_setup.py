"""The extras that the Makefile's targets install, read without installing anything."""

import re
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]


def extras_that(target: str, venv: Path) -> set[str]:
    """The extras that a target installs into a new environment."""
    said = subprocess.run(
        ["make", "--dry-run", f"VENV={venv}", target],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    (asked,) = re.findall(r"--editable '?\.(?:\[([\w,]+)\])?'?", said)
    return set(asked.split(",")) if asked else set()


def packages(extras: set[str]) -> set[str]:
    """The packages of these extras, and of the extras that they include."""
    found: set[str] = set()
    for extra in extras:
        for requirement in EXTRAS[extra]:
            if nested := re.fullmatch(r"emotion-api\[([\w,]+)\]", requirement):
                found |= packages(set(nested[1].split(",")))
            else:
                found.add(re.split(r"[^\w.-]", requirement)[0].lower())
    return found


def test_checking_the_style_installs_no_torch(tmp_path: Path) -> None:
    for target in ("lint", "format", "imports"):
        wanted = packages(extras_that(target, tmp_path / "venv"))
        assert {"ruff", "import-linter"} <= wanted
        assert not {"torch", "transformers", "onnx", "playwright"} & wanted


def test_running_the_service_installs_no_extra(tmp_path: Path) -> None:
    assert extras_that("run", tmp_path / "venv") == set()


def test_the_tests_install_every_extra(tmp_path: Path) -> None:
    wanted = packages(extras_that("test", tmp_path / "venv"))
    assert {"torch", "pytest", "ruff", "motor", "redis"} <= wanted
