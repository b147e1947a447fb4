"""Every code block of the documents is run, and every link has a target."""

import re
from itertools import takewhile
from pathlib import Path

import pytest

from tests.documents.following import LEFT_OUT, ROOT, blocks, documents, run

_FOLLOWED = re.compile(r'\bfollow\(\s*"([^"]+)"')
_LINK = re.compile(r"\]\(([^)#\s]+)?(?:#([^)\s]+))?\)")
_SAID = re.compile(r"`(?:\.venv/bin/)?((?:emotion-api|make|python -m benchmarks)\b[^`]*)`")


def test_every_code_block_is_run_by_a_test_or_listed_as_left_out() -> None:
    tests = Path(__file__).parent.glob("test_*.py")
    followed = {name for test in tests for name in _FOLLOWED.findall(test.read_text())}
    untried = [
        f"{block.document}: {block.first_line}"
        for document in documents()
        for block in blocks(document)
        if not block.is_left_out and document not in followed
    ]
    assert untried == []


def test_every_block_listed_as_left_out_exists() -> None:
    for document, beginning in LEFT_OUT:
        assert any(block.first_line.startswith(beginning) for block in blocks(document))


@pytest.mark.parametrize("document", documents())
def test_every_link_has_a_target(document: str) -> None:
    page = ROOT / document
    for target, heading in _LINK.findall(page.read_text(encoding="utf-8")):
        if target.startswith(("http:", "https:")):
            continue
        aim = (page.parent / target).resolve() if target else page
        assert aim.exists(), target
        if heading:
            assert heading in headings(aim), f"{target}#{heading}"


def headings(page: Path) -> set[str]:
    """The headings of a page, as links name them."""
    found = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in found}


def said_in_passing() -> dict[str, set[str]]:
    """The commands of this project named in the text, each with the options named with it."""
    text = "\n".join((ROOT / document).read_text(encoding="utf-8") for document in documents())
    said: dict[str, set[str]] = {}
    for words in map(str.split, _SAID.findall(text)):
        program = " ".join(takewhile(re.compile(r"(-m|[a-z][\w.-]*)$").match, words))
        said.setdefault(program, set()).update(word for word in words if word.startswith("--"))
    return dict(sorted(said.items()))


@pytest.mark.parametrize(("program", "options"), said_in_passing().items())
def test_commands_named_in_the_text_exist_with_their_options(
    program: str, options: set[str]
) -> None:
    asking = "--dry-run" if program.startswith("make") else "--help"
    described = run(*program.split(), asking, folder=ROOT, COLUMNS="200").stdout
    for option in options:
        assert option in described
