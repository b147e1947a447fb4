"""The service as an operator runs it."""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Site:
    """A running service, and the one-time link that it printed."""

    url: str
    link: str
    folder: Path


@contextmanager
def serving(folder: Path, **environment: str) -> Iterator[Site]:
    """Run `emotion-api serve` at a terminal, in a folder of its own, until the block ends."""
    settings = {"HOST": "127.0.0.1", "PORT": "0", "LOG_LEVEL": "WARNING", **environment}
    ours, its = pty.openpty()
    with (
        os.fdopen(ours) as terminal,
        subprocess.Popen(
            [sys.executable, "-m", "entrypoints.cli", "serve"],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **settings},
            stdout=its,
        ) as process,
    ):
        os.close(its)
        try:
            ready = (re.search(r"ready on (http://\S+)", line) for line in terminal)
            url = next(found[1] for found in ready if found)
            link = ""
            if settings.get("AUTH", "local") == "local":
                link = next(line.strip() for line in terminal if "/#code=" in line)
            yield Site(url, link, folder)
        finally:
            process.terminate()
            process.wait(30)
