"""docs/development.md, run in a copy of the repository."""

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.documents.following import ROOT, follow, run

FOLDERS = ("domain", "application", "adapters", "entrypoints", "training", "benchmarks", "tests")
START = """
import asyncio
import httpx
from entrypoints.process.asgi import create_app
from tests.servers.listening import listening


async def start() -> None:
    async with listening(create_app()) as port, httpx.AsyncClient(trust_env=False) as client:
        print((await client.get(f"http://127.0.0.1:{port}/readyz")).text)


asyncio.run(start())
"""
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
    assert checked.rstrip().endswith("SqliteImageStore FileSystemVideoStore")
    started = run(
        sys.executable, "-c", START, folder=copy, PYTHONPATH=str(copy), IMAGE_STORE="sqlite"
    )
    assert json.loads(started.stdout.splitlines()[-1])["status"] == "ready"
