"""What tests need of npm."""

import shutil
import subprocess
from pathlib import Path

from tests.servers.processes import missing


def installed(folder: Path) -> Path:
    """The packages that a folder's lock file names, installed where they are not yet."""
    lock, packages = folder / "package-lock.json", folder / "node_modules"
    written = packages / ".package-lock.json"  # by npm, when it has installed everything
    if not written.is_file() or written.stat().st_mtime < lock.stat().st_mtime:
        npm = shutil.which("npm")
        if npm is None:
            missing("npm", "it comes with Node.js, see https://nodejs.org")
        subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=folder, check=True)
        written.touch()
    return packages
