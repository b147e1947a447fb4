"""The architecture: which packages there are, and which may import which."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = {"domain", "application", "adapters", "entrypoints"}
AROUND_IT = {"tests", "training", "benchmarks"}
CORE = ["domain", "application"]
READING = re.compile(r"getenv\(|environ\.(get|items)\(|environ\[[^]]+\](?! = )|in os\.environ")


def modules(*packages: str) -> list[Path]:
    return [path for package in packages for path in sorted((ROOT / package).rglob("*.py"))]


def name_of(module: Path) -> str:
    return ".".join(module.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def test_the_top_level_packages_are_the_listed_ones() -> None:
    found = {
        folder.name
        for folder in ROOT.iterdir()
        if folder.name.isidentifier()
        and folder.name != "node_modules"
        and any(folder.glob("**/*.py"))
    }
    assert found - AROUND_IT == PRODUCT


def test_importing_the_core_loads_the_standard_library_only() -> None:
    names = [name_of(module) for module in modules(*CORE)]
    program = (
        "import importlib, json, sys\n"
        "before = set(sys.modules)\n"
        f"for name in {names}: importlib.import_module(name)\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in set(sys.modules) - before})))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(answer.stdout))
    assert loaded >= set(CORE)
    assert loaded - set(CORE) <= sys.stdlib_module_names


def test_the_service_does_not_load_ffmpeg_into_its_own_process() -> None:
    program = "import entrypoints.process.serve, sys; print('av' in sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "False", "it takes 16 MB, and children read the videos"


@pytest.mark.parametrize("module", modules(*CORE), ids=name_of)
def test_the_core_imports_no_third_party_package_even_for_types(module: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            imported.add(str(node.module).partition(".")[0])
    assert imported - set(CORE) <= sys.stdlib_module_names


def test_the_import_contracts_hold() -> None:
    lint_imports = Path(sys.executable).with_name("lint-imports")
    checked = subprocess.run(
        [lint_imports, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_only_the_settings_read_the_environment() -> None:
    texts = {name_of(module): module.read_text(encoding="utf-8") for module in modules(*PRODUCT)}
    # Pydantic reads it for the settings.
    assert {name for name, text in texts.items() if READING.search(text)} == set()
    assert {name for name, text in texts.items() if "BaseSettings" in text} == {
        "entrypoints.settings.group"
    }


def test_the_environment_is_changed_in_one_place() -> None:
    changing = re.compile(r"environ\[[^]]+\] = |putenv\(|environ\.(update|setdefault|pop)\(")
    changers = {
        name_of(module)
        for module in modules(*PRODUCT)
        if changing.search(module.read_text(encoding="utf-8"))
    }
    assert changers == {"adapters.environment"}
