"""docs/development.md, run in a copy of the repository."""

import re
import shutil
from pathlib import Path

import pytest

from tests.documents.following import ROOT, follow

FOLDERS = ("domain", "application", "adapters", "entrypoints", "training", "benchmarks", "tests")
NOT_NEEDED = shutil.ignore_patterns("node_modules", "__pycache__", "data", "runs")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the repository."""
    for folder in FOLDERS:
        if (ROOT / folder).is_dir():
            shutil.copytree(ROOT / folder, tmp_path / folder, ignore=NOT_NEEDED)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_step_of_the_development_guide_works(copy: Path) -> None:
    said = follow("docs/development.md", copy, PYTHONPATH=str(copy))
    _, first_steps, _, _, contract, _, checked = said
    assert "2 passed" in first_steps
    assert "passed" in contract
    assert "failed" not in contract
    assert re.search(r"Contracts: \d+ kept, 0 broken\.", checked)
    assert checked.rstrip().endswith("SqliteImageStore")
