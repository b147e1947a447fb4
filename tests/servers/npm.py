"""npm packages for tests."""

import json
import shutil
import subprocess
from pathlib import Path

from tests.servers.processes import missing


def installed(folder: Path) -> Path:
    """The packages of a folder's package.json, installed from its lock file if missing."""
    manifest = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    packages = folder / "node_modules"
    wanted = [*manifest.get("dependencies", {}), *manifest.get("devDependencies", {})]
    if not all((packages / name).is_dir() for name in wanted):
        npm = shutil.which("npm")
        if npm is None:
            missing("npm", "it comes with Node.js, see https://nodejs.org")
        subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=folder, check=True)
    return packages


def node() -> str:
    """The path of Node.js."""
    return shutil.which("node") or missing("Node.js", "see https://nodejs.org")
