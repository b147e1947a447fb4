"""Every import of the product is a declared dependency, and every dependency is imported."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import files, packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = ["domain", "application", "adapters", "entrypoints"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = ["vit", "mongodb", "cloudinary", "firebase", "redis", "remote", "otel"]
DISTRIBUTIONS = packages_distributions()
# Prints the files of all modules that are loaded once every adapter and the service are.
LOADED = """
import importlib, pkgutil, sys
import adapters, entrypoints.cli, entrypoints.process.serve
for module in pkgutil.walk_packages(adapters.__path__, "adapters."):
    if not module.name.startswith("adapters.vit"):  # the image has no PyTorch
        importlib.import_module(module.name)
print(*(getattr(module, "__file__", None) for module in sys.modules.values()), sep="\\n")
"""


def imported() -> Iterator[str]:
    for package in PRODUCT:
        for module in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    yield from (alias.name.split(".")[0] for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                    yield node.module.split(".")[0]


THIRD_PARTY = set(imported()) - sys.stdlib_module_names - set(PRODUCT)


def names(requirements: list[str]) -> set[str]:
    return {plain(re.split(r"[\[<>=!~ ]", requirement)[0]) for requirement in requirements}


def plain(name: str) -> str:
    return name.lower().replace("_", "-")


def distributions_of(module: str) -> set[str]:
    return {plain(name) for name in DISTRIBUTIONS.get(module, [])}


def test_every_package_that_is_imported_is_declared_by_one_name() -> None:
    extras = PROJECT["optional-dependencies"]
    declared = names(PROJECT["dependencies"]).union(*(names(extras[name]) for name in EXTRAS))
    found = {module: distributions_of(module) & declared for module in THIRD_PARTY}
    assert found.pop("opentelemetry"), "one name for packages of many distributions"
    assert {module: by for module, by in found.items() if len(by) != 1} == {}


def test_every_required_package_is_imported() -> None:
    used = set().union(*(distributions_of(module) for module in THIRD_PARTY))
    assert names(PROJECT["dependencies"]) - used == set()


def test_nothing_is_loaded_of_the_packages_that_the_image_leaves_out() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    found = re.search(r" uninstall --yes (.+)", dockerfile)
    assert found is not None
    left_out = {str(file.locate()): name for name in found[1].split() for file in files(name) or []}
    loaded = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOADED],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    modules = set(loaded.stdout.splitlines())
    assert str(ROOT / "adapters" / "firebase" / "client.py") in modules
    assert {left_out[module] for module in modules & set(left_out)} == set()
