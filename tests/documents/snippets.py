"""The code blocks of a document, and running them."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Block:
    """A fenced block: the word after the fence, and what is in it."""

    language: str
    text: str

    @property
    def path(self) -> str:
        """The file its first line names, as in ``# adapters/x.py``."""
        return self.text.split("\n", 1)[0].removeprefix("#").strip()


def blocks(document: str, *languages: str) -> list[Block]:
    """The blocks of a document in some languages, in order; there has to be one of each."""
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    found = [Block(language, body) for language, body in _BLOCK.findall(text)]
    chosen = [block for block in found if block.language in languages]
    assert {block.language for block in chosen} == set(languages)
    return chosen


def run(
    *command: str, folder: Path, stdin: str | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command as somebody would who has the virtual environment's programs at hand."""
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=folder,
        input=stdin,
        env={"PATH": programs, "PYTHONPATH": str(ROOT), "HOME": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done
