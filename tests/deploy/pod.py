"""The service's container without a cluster: its environment, user, file system and probes.

The tests do as root on Linux what a container runtime does: a mount namespace in which only volumes
are writable, the manifest's user and group, no capabilities, no new privileges.
"""

import asyncio
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.deploy.manifests import ROOT, container, pod
from tests.servers.processes import missing

READY = re.compile(rb"ready on (http://127\.0\.0\.1:\d+)")
_CODE = ("domain", "application", "adapters", "entrypoints", ".venv")
_TOOLS = ("unshare", "setpriv", "chroot")


class Pod:
    """A running container.

    Attributes:
        url: where it answers.
        process: it.
        log: what it wrote to standard error, complete once it has ended.
    """

    def __init__(self, manifest: Mapping[str, Any], process: Process, url: str) -> None:
        self._manifest = manifest
        self.process = process
        self.url = url
        self.log = b""

    async def probe(self, name: str) -> int:
        """The status of a probe, with the path and the timeout of the manifest."""
        probe = self._manifest[name]
        async with httpx.AsyncClient(base_url=self.url, trust_env=False) as client:
            answer = await client.get(
                probe["httpGet"]["path"], timeout=probe["timeoutSeconds"] * 10
            )
        return answer.status_code

    async def stop(self) -> int:
        """Send SIGTERM, as the kubelet does after preStop, and wait for the exit status."""
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(120):
            _, self.log = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode


@asynccontextmanager
async def running_pod(
    overlay: Path, environment: Mapping[str, str], data: Path, root: Path
) -> AsyncIterator[Pod]:
    """Start the container as the manifests say, and wait until it listens.

    Args:
        overlay: whose manifests.
        environment: all of it.
        data: an empty folder in place of the volume.
        root: an empty folder, on which the container's file system is put together.
    """
    if sys.platform != "linux" or os.geteuid() != 0:
        missing("a container's isolation", "run this as root on Linux")
    for tool in _TOOLS:
        if shutil.which(tool, path=f"{os.environ['PATH']}:/usr/sbin") is None:
            missing(tool, "apt install util-linux coreutils")
    security = pod(overlay)["securityContext"]
    _hand_over(data, security["fsGroup"])
    process = await asyncio.create_subprocess_exec(
        "unshare", "--mount", "--propagation", "private",
        "sh", "-euc", _script(security, environment, data, root),
        stdin=DEVNULL, stdout=PIPE, stderr=PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(120):
            while not (found := READY.search(line := await process.stdout.readline())):
                assert line, (await process.stderr.read()).decode()
        yield Pod(container(overlay), process, found[1].decode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _hand_over(volume: Path, group: int) -> None:
    """Make the volume writable for the group, as the kubelet does."""
    os.chown(volume, 0, group)
    volume.chmod(0o2770)


def _script(
    security: Mapping[str, Any], environment: Mapping[str, str], data: Path, root: Path
) -> str:
    """The shell script that runs as root and then becomes the service."""
    shown = [Path(path) for path in ("/usr", "/bin", "/lib", "/lib64", "/etc", "/dev", "/proc")]
    if not Path(sys.base_prefix).is_relative_to("/usr"):
        shown.append(Path(sys.base_prefix))
    # Each by itself: the folder above may be closed to the user.
    shown += [ROOT / name for name in _CODE]
    # Temporary files come first: the code may lie in a folder below.
    steps = [
        f"mount -t tmpfs -o mode=755 none {root}",
        f"mkdir {root}/data {root}/tmp",
        f"mount --bind {data} {root}/data",
        f"mount -t tmpfs -o mode=1777 none {root}/tmp",
    ]
    for path in shown:
        place = f"{root}{path}"
        steps += [f"mkdir -p {place}", f"mount --bind {path} {place}"]
        if str(path) not in {"/dev", "/proc"}:
            steps.append(f"mount -o remount,bind,ro {place}")
    steps.append(f"mount -o remount,ro {root}")
    settings = [shlex.quote(f"{name}={value}") for name, value in environment.items()]
    user = [
        f"--reuid={security['runAsUser']}",
        f"--regid={security['runAsGroup']}",
        f"--groups={security['fsGroup']}",
        *("--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"),
    ]
    command = [
        sys.executable,
        "-c",
        shlex.quote("from entrypoints.cli import main; main()"),
        "serve",
    ]
    steps.append(
        f"cd / && exec chroot {root} setpriv {' '.join(user)} env -i PATH=/usr/bin:/bin"
        f" PYTHONPATH={ROOT} {' '.join(settings)} {' '.join(command)}"
    )
    return "\n".join(steps)


def standing(process: int) -> dict[str, str]:
    """The credentials of the process: user, groups, capabilities, privileges."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def may_write(process: int, path: str) -> bool:
    """Whether the process could make a file in that folder of its own file system."""
    said = standing(process)
    user = [
        f"--reuid={said['Uid'].split()[0]}",
        f"--regid={said['Gid'].split()[0]}",
        f"--groups={','.join(said['Groups'].split())}",
    ]
    tried = subprocess.run(
        ["nsenter", f"--target={process}", "--mount", f"--root=/proc/{process}/root",
         "setpriv", *user, "sh", "-c", f"touch {path}/probe && rm {path}/probe"],
        capture_output=True, check=False,
    )  # fmt: skip
    return tried.returncode == 0
