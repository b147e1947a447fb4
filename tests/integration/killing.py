"""Programs that end by SIGKILL."""

import signal
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[2]


def run_until_killed(program: str, *arguments: object) -> None:
    """Run a Python program that ends by ``kill -9``; it may import what tests may."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    finished = subprocess.run(command, cwd=_ROOT, check=False, timeout=60)
    assert finished.returncode == -signal.SIGKILL
