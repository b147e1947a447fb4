"""Building and running the image with Buildah and Podman, on base images made by debootstrap.

No image registry is used: the base images of the Dockerfile are replaced by a Debian of the same
release, with its own Python and this machine's Node.js.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.servers.processes import missing

ROOT = Path(__file__).parents[2]
PACKAGES = "python3,python3-venv,python3-pip,ca-certificates"
_UNWANTED = (
    "var/cache/apt",
    "var/lib/apt/lists",
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
)
_PROGRAMS = ("buildah", "podman", "runc", "debootstrap", "node", "npm")


class Engine:
    """Images and containers in a folder of their own.

    Args:
        folder: an empty one.
    """

    def __init__(self, folder: Path) -> None:
        if os.geteuid() != 0:
            missing("a container's isolation", "run this as root on Linux")
        for program in _PROGRAMS:
            if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin") is None:
                missing(program, "apt install buildah podman runc debootstrap nodejs npm")
        self._folder = folder
        configuration = folder / "storage.conf"
        configuration.write_text(
            f'[storage]\ndriver = "overlay"\n'
            f'graphroot = "{folder}/graph"\nrunroot = "{folder}/run"\n'
        )
        self._environment = {**os.environ, "CONTAINERS_STORAGE_CONF": str(configuration)}

    def run(self, *command: str | Path, within_s: float = 1800) -> str:
        """Run a program and return its output."""
        answer = subprocess.run(
            command, cwd=ROOT, env=self._environment, capture_output=True, text=True,
            check=False, timeout=within_s,
        )  # fmt: skip
        assert answer.returncode == 0, answer.stdout[-3000:] + answer.stderr[-3000:]
        return answer.stdout + answer.stderr

    def podman(self, *arguments: str, within_s: float = 120) -> str:
        """Run Podman without systemd."""
        order = ["podman", "--runtime", "runc", "--cgroup-manager", "cgroupfs", "--log-level=fatal"]
        return self.run(*order, *arguments, within_s=within_s).strip()

    def make_bases(self) -> None:
        """Tag a Debian with the base names of the Dockerfile."""
        container = self.run("buildah", "--log-level=fatal", "from", "scratch").strip()
        self.run("buildah", "add", "--quiet", container, _debian(self), "/")
        python, node = _bases("python"), _bases("node")
        self.run("buildah", "commit", "--quiet", container, python)
        npm = Path(os.path.realpath(str(shutil.which("npm")))).parents[1]
        self.run("buildah", "add", "--quiet", container, str(shutil.which("node")), "/usr/bin/node")
        self.run("buildah", "add", "--quiet", container, npm, "/usr/lib/node_modules/npm")
        link = ["ln", "-sf", "../lib/node_modules/npm/bin/npm-cli.js", "/usr/bin/npm"]
        self.run("buildah", "run", "--isolation", "chroot", container, *link)
        self.run("buildah", "commit", "--quiet", container, node)
        self.run("buildah", "rm", container)

    def build(self, name: str) -> str:
        """Build the Dockerfile as it is; returns the output."""
        return self.run(
            "buildah", "bud", "--format", "docker", "--isolation", "chroot", "--pull-never",
            "--network", "host", *_registries(), "--build-arg", "PIP_EXTRA_INDEX_URL=",
            "--tag", name, ".",
        )  # fmt: skip

    def size(self, image: str) -> int:
        """Bytes of an image with all its layers."""
        return int(self.podman("image", "inspect", "--format", "{{.Size}}", image))

    def close(self) -> None:
        """Remove everything."""
        self.podman("rm", "--all", "--force")
        self.run("buildah", "rmi", "--all", "--force")
        shutil.rmtree(self._folder, ignore_errors=True)


def _debian(engine: Engine) -> Path:
    """A Debian as a tar file, cached for the next run."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "emotion-api"
    kept = cache / "bookworm.tar"
    if not kept.exists():
        folder = cache / "bookworm"
        shutil.rmtree(folder, ignore_errors=True)
        cache.mkdir(parents=True, exist_ok=True)
        engine.run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", folder)
        for name in _UNWANTED:
            shutil.rmtree(folder / name)
            (folder / name).mkdir()
        (folder / "usr" / "bin" / "python").symlink_to("python3")
        engine.run("tar", "--directory", folder, "--create", "--file", f"{kept}.part", ".")
        Path(f"{kept}.part").rename(kept)
        shutil.rmtree(folder)
    return kept


def _bases(name: str) -> str:
    found = re.search(rf"^FROM ({name}:\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert found is not None
    return f"docker.io/library/{found[1]}"


def _registries() -> Iterator[str]:
    """The registries of this machine's pip and npm, for the steps of the build."""
    shown: Sequence[tuple[str, str]] = (
        ("/etc/pip.conf", "/etc/pip.conf"),
        ("/etc/ssl/certs", "/etc/ssl/certs"),
        ("/usr/etc/npmrc", "/usr/etc/npmrc"),
        # The build has no file for the user: npm takes the project's own, which is read as well.
        (str(Path.home() / ".npmrc"), "/page/.npmrc"),
    )
    for here, there in shown:
        if Path(here).exists():
            yield from ("--volume", f"{here}:{there}:ro")
