"""The list of modules that the page loads at once."""

import re
from pathlib import Path

STATIC = Path(__file__).parents[2] / "entrypoints" / "web" / "static"
IMPORT = re.compile(r'^(?:import|export)\b[^;]*? from "\./([\w-]+\.js)"', re.MULTILINE)


def imported_by(name: str, known: set[str]) -> set[str]:
    """The modules that a module needs, those that they need too, and what was known."""
    for needed in IMPORT.findall((STATIC / "js" / name).read_text(encoding="utf-8")):
        if needed not in known:
            known = imported_by(needed, known | {needed})
    return known


def test_every_module_of_the_page_is_preloaded_and_no_other() -> None:
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    listed = re.findall(r'<link rel="modulepreload" href="/web/js/([\w-]+\.js)">', page)
    assert listed == sorted(imported_by("main.js", set()))
