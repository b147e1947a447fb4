"""Child processes for libraries that a hostile file may crash or keep busy without end.

A thread cannot be stopped; a process can, and the kernel limits its memory and time. Such a process
communicates over its standard input and output: lines of JSON, and the pixels of an image after the
line that describes it. It does not inherit the environment, which may hold secrets.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from domain.errors import DomainError
from domain.image import Image

_PROGRAM = (
    "import sys; sys.path[:] = sys.argv[2:]; "
    "from importlib import import_module; import_module(sys.argv[1]).main()"
)
_ENVIRONMENT = {
    "MALLOC_ARENA_MAX": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
_PIPE_BYTES = 2**20
# Memory for what the libraries load and keep, besides what a file needs.
_SLACK_BYTES = 64 * 2**20
_NICENESS = 5
# On a busy machine.
_WALL_SECONDS_PER_CPU_SECOND = 10


def start(module: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start a process that calls ``main()`` of a module.

    Args:
        module: its name.
        environment: variables for the process; those of this process are not passed on.

    Raises:
        OSError: the system cannot start a process now.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, module, *sys.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**_ENVIRONMENT, **(environment or {})},
        start_new_session=True,  # Ctrl-C is handled by the service
    )
    assert process.stdout is not None
    with contextlib.suppress(AttributeError, OSError):  # Linux: fewer system calls for pixels
        fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return process


def describe_image(image: Image) -> dict[str, Any]:
    """In the child: what to send, as JSON, before the pixels of an image."""
    return {
        "shape": image.pixels.shape,  # type: ignore[attr-defined]
        "width": image.width,
        "height": image.height,
        "media_type": image.media_type,
        "scale": image.scale,
    }


def receive_image(answers: IO[bytes], description: Mapping[str, Any]) -> Image:
    """Read the pixels of an image.

    Args:
        answers: the standard output of the process; it is read up to the last pixel.
        description: what ``describe_image`` returned in the process.

    Returns:
        The image; its pixels are uint8 (height, width, 3), RGB.

    Raises:
        EOFError: the process ended before it had sent all pixels.
    """
    pixels = np.empty(description["shape"], np.uint8)
    room = memoryview(pixels.data).cast("B")
    while room:
        count = answers.readinto(room)  # type: ignore[attr-defined]
        if not count:
            raise EOFError
        room = room[count:]
    return Image(
        pixels,
        description["width"],
        description["height"],
        description["media_type"],
        scale=description["scale"],
    )


def describe_error(error: DomainError) -> dict[str, Any]:
    """In the child: what to send, as JSON, if a file cannot be read."""
    return {"code": error.code, "message": str(error), "details": error.details}


def error_from(description: Mapping[str, Any], kinds: Iterable[type[DomainError]]) -> DomainError:
    """The error that the process described with ``describe_error``.

    Args:
        description: what ``describe_error`` returned in the process.
        kinds: the classes of errors that the process may send.
    """
    kind = next(kind for kind in kinds if kind.code == description["code"])
    return kind(description["message"], **description["details"])


def end(process: subprocess.Popen[bytes]) -> int:
    """Kill a process if it still runs, and return its exit status as ``Popen`` does."""
    process.kill()
    status = process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):  # for data that could not be sent
                pipe.close()
    return status


def lower_priority() -> None:
    """In the child: run at low priority, and be the first one killed when memory runs out."""
    os.nice(_NICENESS)
    # Linux only. Where the kernel groups processes by session, the priority of the group counts.
    for file, value in (("oom_score_adj", "1000"), ("autogroup", str(_NICENESS))):
        with contextlib.suppress(OSError):
            Path("/proc/self", file).write_text(value)


def limit_time(cpu_s: float) -> None:
    """In the child: be ended by SIGPROF after this much CPU time from now on; 0 for no limit.

    A process that waits for ever is ended by SIGALRM after ten times as long.
    """
    signal.setitimer(signal.ITIMER_PROF, cpu_s)
    signal.setitimer(signal.ITIMER_REAL, cpu_s * _WALL_SECONDS_PER_CPU_SECOND)


def held_memory() -> int | None:
    """In the child: the address space that the process holds now, in bytes; None if unknown."""
    return _pages(0)


def resident_memory() -> int | None:
    """In the child: the memory that the process takes now, in bytes; None if unknown."""
    return _pages(1)


def limit_memory(held_bytes: int | None, more_bytes: int) -> None:
    """In the child: allow this much memory beyond what the process held at some time.

    Args:
        held_bytes: what ``held_memory`` returned at that time. If it is None, nothing is limited.
        more_bytes: what the process may hold besides.
    """
    if held_bytes is None:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (held_bytes + more_bytes + _SLACK_BYTES, hard))


def _pages(field: int) -> int | None:
    statm = Path("/proc/self/statm")
    if not statm.exists():  # not Linux
        return None
    return int(statm.read_text().split()[field]) * resource.getpagesize()
