"""npm packages for tests."""

import fcntl
import json
import shutil
import subprocess
from pathlib import Path

from tests.servers.processes import missing


def installed(folder: Path) -> Path:
    """The packages of a folder's package.json, installed from its lock file if missing."""
    packages = folder / "node_modules"
    # Test processes run beside each other: one installs, and the others wait for the whole of it.
    with (folder / "package-lock.json").open(encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _complete(folder, packages):
            npm = shutil.which("npm")
            if npm is None:
                missing("npm", "it comes with Node.js, see https://nodejs.org")
            subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=folder, check=True)
    return packages


def _complete(folder: Path, packages: Path) -> bool:
    """Whether npm ended its work: it lists what is there when the last file is written."""
    manifest = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    wanted = {*manifest.get("dependencies", {}), *manifest.get("devDependencies", {})}
    listed = packages / ".package-lock.json"
    if not listed.is_file():
        return False
    there = json.loads(listed.read_text(encoding="utf-8"))["packages"]
    return all(f"node_modules/{name}" in there and (packages / name).is_dir() for name in wanted)


def node() -> str:
    """The path of Node.js."""
    return shutil.which("node") or missing("Node.js", "see https://nodejs.org")
