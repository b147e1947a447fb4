"""Modules of the page, run with Node.js instead of a browser."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.servers.processes import missing

SCRIPTS = Path(__file__).parents[1] / "js"


@pytest.mark.parametrize("name", ["live-connection", "label-layout"])
def test_a_module_of_the_page_behaves_as_its_script_says(name: str) -> None:
    node = shutil.which("node") or missing("Node.js", "see https://nodejs.org")
    script = SCRIPTS / f"{name}.mjs"
    run = subprocess.run([node, script], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "done\n", "")
