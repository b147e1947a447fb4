"""A real NVIDIA Triton, serving what ``emotion-api models export --triton`` writes.

Its ONNX backend is not in any pip package, so ``tests/triton/model.py`` replaces it. The server,
its protocol and its batching are the original.
"""

import os
import shutil
import sys
import sysconfig
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from socket import socket

from tests.servers.processes import missing, running

_ROOT = Path(__file__).parents[2]
_HOME = _ROOT / ".triton"


@asynccontextmanager
async def triton_server(repository: Path, backends: Path) -> AsyncIterator[str]:
    """The URL of a server of that repository.

    Args:
        repository: a folder of models.
        backends: an empty folder for the backends.
    """
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(_HOME)}))
    program = packages / "pytriton" / "tritonserver" / "bin" / "tritonserver"
    if not program.exists():
        missing("Triton", "`make .triton/.installed` brings it, on Linux on x86-64")
    _gather(program.parents[1], backends)
    # Its Python backend finds the interpreter by PATH, and the interpreter its library by this.
    libraries = [sysconfig.get_config_var("LIBDIR"), str(packages / "nvidia_pytriton.libs")]
    port = _free_port()
    command: list[str | Path] = [
        "env",
        "ORT_DISABLE_TELEMETRY=1",
        f"PATH={_HOME / 'bin'}{os.pathsep}{os.environ['PATH']}",
        f"LD_LIBRARY_PATH={os.pathsep.join(libraries)}",
        program,
        *("--model-repository", repository, "--backend-directory", backends),
        *("--http-address", "127.0.0.1", "--http-port", str(port), "--http-thread-count", "2"),
        *("--allow-grpc", "false", "--allow-metrics", "false", "--exit-timeout-secs", "1"),
    ]
    async with running(command, until="Started HTTPService"):
        yield f"http://127.0.0.1:{port}"


def _gather(server: Path, backends: Path) -> None:
    stub = f"python_backend_stubs/{sys.version_info.major}.{sys.version_info.minor}"
    python, stand_in = backends / "python", backends / "onnxruntime"
    python.mkdir(parents=True)
    stand_in.mkdir()
    for file in (server / "backends" / "python").glob("*triton_python*"):
        shutil.copy(file, python)  # Triton follows no link that leads out of the folder
    shutil.copy(server / stub / "triton_python_backend_stub", python)
    shutil.copy(_ROOT / "tests" / "triton" / "model.py", stand_in)


def _free_port() -> int:
    # With port 0 Triton does not print the port.
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
