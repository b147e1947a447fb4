"""Signals that arrive while the command line still starts."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import os, sys

class Finder:
    def find_spec(self, name, *_):
        if name == module:
            os.kill(os.getpid(), number)

module, number = sys.argv[1], int(sys.argv[2])
del sys.argv[1:3]
sys.meta_path.insert(0, Finder())
from entrypoints.cli import main
main()
"""
"""Sends itself a signal at the import of a module."""


def signalled(
    number: signal.Signals, at: str, *command: str, cwd: Path
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, at, str(int(number)), *command],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PORT": "0", "HOST": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    )


@pytest.mark.parametrize("at", ["typer", "pydantic_core", "entrypoints.process.serve"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_service_that_still_starts_ends_at_once(
    tmp_path: Path, number: signal.Signals, at: str
) -> None:
    ended = signalled(number, at, "serve", cwd=tmp_path)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_another_command_that_still_starts_is_interrupted_without_a_traceback(
    tmp_path: Path,
) -> None:
    ended = signalled(signal.SIGINT, "pydantic_core", "token", "--user", "a", cwd=tmp_path)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")
