"""The length of files, and that none depends on one machine."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ["domain", "application", "adapters", "entrypoints", "tests", "training", "benchmarks"]
LONGEST = 500
TEXT = {".py", ".md", ".toml", ".yml", ".yaml", ".sh", ".json", ".html", ".js", ".txt", ".example"}
# A home folder, a mounted workplace or a Windows drive.
MACHINE_PATH = re.compile(r"(?<![\w.:/])/(?:home|Users|root|work|mnt)/\w|\b[A-Z]:\\\w")


def text_files() -> Iterator[Path]:
    places = [ROOT / name for name in [*PACKAGES, "docs", "deploy", ".ci"]]
    files = [path for place in places for path in place.rglob("*")]
    files += [path for path in ROOT.iterdir() if path.suffix in TEXT or path.name == "Makefile"]
    for path in files:
        generated = {"__pycache__", "node_modules", "runs"} & set(path.parts)
        if path.is_file() and not generated and (path.suffix in TEXT or not path.suffix):
            yield path


def test_no_module_is_longer_than_500_lines() -> None:
    lengths = {
        str(module.relative_to(ROOT)): len(module.read_text(encoding="utf-8").splitlines())
        for package in PACKAGES
        for module in (ROOT / package).rglob("*.py")
        if "node_modules" not in module.parts
    }
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def test_no_file_contains_a_path_of_one_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in text_files()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if MACHINE_PATH.search(line)
    ]
    assert found == []
