"""Runs the fenced blocks of a document in order, as its reader would."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRINTED = "http://localhost:2508"
"""Where documents say that the service is."""

_BLOCK = re.compile(r"^```(.*)\n((?:.*\n)*?)```$", re.M)
_SHOWN = {"text", "json", "mermaid"}  # only shown
_BORDER = "--- the next block ---"

# Blocks that the tests do not run as they are, and why: by document and first line.
LEFT_OUT = {
    ("training/emotions/README.md", "pip install -r training/requirements.txt"): (
        "it takes pictures that are not ours to give, and days"
    ),
    ("training/faces/README.md", "pip install -r training/requirements.txt"): (
        "it takes photographs that are not ours to give, and hours"
    ),
    ("docs/realtime.md", 'const video = document.querySelector("video");'): (
        "it wants a browser: tests/e2e/browser/test_realtime_guide.py runs it in one"
    ),
}


@dataclass(frozen=True)
class Block:
    """A fenced block: its language and its text."""

    document: str
    language: str
    text: str

    @property
    def first_line(self) -> str:
        return self.text.split("\n", 1)[0]

    @property
    def is_left_out(self) -> bool:
        return any(
            self.document == document and self.first_line.startswith(beginning)
            for document, beginning in LEFT_OUT
        )

    def as_commands(self, name: str) -> str:
        """Shell commands that run it; a program or a diff is in the file of this name."""
        match self.language:
            case "sh":
                return self.text
            case "diff":
                return f"patch -p1 --fuzz=0 --no-backup-if-mismatch < {name}"
            case "js":
                return f"ln -f {name} {name}.mjs; node {name}.mjs"
            case "python" if self.first_line.startswith("# ") and "/" in self.first_line:
                # Its first line names the file.
                return f"tail -n +2 {name} > {self.first_line[2:]}"
            case "python":
                return f"python {name}"
        raise ValueError(f"{self.document}: nobody knows how to do {self.language!r}")


def documents() -> list[str]:
    """Every page of the repository."""
    places = ("*.md", "docs/**/*.md", "training/**/*.md", "entrypoints/http/**/*.md", "deploy/*.md")
    pages = {str(page.relative_to(ROOT)) for pattern in places for page in ROOT.glob(pattern)}
    # Templates become pages in docs.
    return sorted(page for page in pages if not page.endswith("/card_template.md"))


def blocks(document: str) -> list[Block]:
    """The fenced blocks of a document that a reader would run, in order."""
    text = (ROOT / document).read_text(encoding="utf-8")
    found = (Block(document, language, body) for language, body in _BLOCK.findall(text))
    return [block for block in found if block.language not in _SHOWN]


def follow(
    document: str, folder: Path, *, instead: Mapping[str, str] | None = None, **environment: str
) -> list[str]:
    """Run all blocks of a document in order, in one shell that ends with the first error.

    Args:
        document: path in the repository.
        folder: the working folder.
        instead: replacements for words of the document, such as the address of the service.
        environment: further variables.

    Returns:
        What each block printed.
    """
    session = [
        "set -euo pipefail",
        # The test run itself and tests/e2e install and serve; here it is only checked that
        # such a target exists.
        f'make() {{ command make --dry-run --directory="{ROOT}" "$@"; }}',
    ]
    for number, block in enumerate(each for each in blocks(document) if not each.is_left_out):
        text = block.text
        for printed, meant in (instead or {}).items():
            text = text.replace(printed, meant)
        name = f"block-{number}"
        (folder / name).write_text(text, encoding="utf-8")
        session += [Block(document, block.language, text).as_commands(name), f"echo '{_BORDER}'"]
    script = folder / "session.sh"
    script.write_text("\n".join(session), encoding="utf-8")
    return run("bash", str(script), folder=folder, **environment).stdout.split(_BORDER)[:-1]


def run(*command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command with the programs of the virtual environment on the path."""
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        env={"PATH": programs, "PYTHONPATH": str(ROOT), "HOME": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done
