"""The live connection of the page, run with Node.js instead of a browser."""

import shutil
import subprocess
from pathlib import Path

from tests.servers.processes import missing

SCRIPT = Path(__file__).parents[1] / "js" / "live-connection.mjs"


def test_a_live_session_reconnects_until_it_is_stopped() -> None:
    node = shutil.which("node") or missing("Node.js", "see https://nodejs.org")
    run = subprocess.run([node, SCRIPT], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "done\n", "")
