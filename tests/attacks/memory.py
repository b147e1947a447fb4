"""The peak memory of a process and its children, by the kernel's count."""

import asyncio
import contextlib
import re
from pathlib import Path
from types import TracebackType
from typing import Self

LOOK_EVERY_S = 0.05
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)
_RESIDENT = re.compile(r"^VmRSS:\s+(\d+) kB$", re.MULTILINE)


class PeakMemory:
    """Watches a process: its own peak is the kernel's, its children's memory is sampled.

    Children come and go, so their memory is read many times a second; the highest sum of the
    process and its children is kept.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._highest_mb = 0.0
        self._watching: asyncio.Task[None] | None = None

    @property
    def peak_mb(self) -> float:
        """The highest memory of the process and its children, in 10⁶ bytes."""
        return max(self._highest_mb, _megabytes(_PEAK, self._pid))

    @property
    def resident_mb(self) -> float:
        """The memory of the process now, in 10⁶ bytes."""
        return _megabytes(_RESIDENT, self._pid)

    async def __aenter__(self) -> Self:
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._watching is not None
        self._watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._watching

    async def _watch(self) -> None:
        while True:
            held = sum(_megabytes(_RESIDENT, pid) for pid in _family(self._pid))
            self._highest_mb = max(self._highest_mb, held)
            await asyncio.sleep(LOOK_EVERY_S)


def resident_mb(pid: int) -> float:
    """The memory of a process now, in 10⁶ bytes."""
    return _megabytes(_RESIDENT, pid)


def _family(pid: int) -> list[int]:
    """The process and all that it started, directly or not.

    A child that has not begun its own program yet shares the memory of its parent, and is left out.
    """
    family = [pid]
    for parent in family:
        for thread in Path(f"/proc/{parent}/task").glob("*"):
            with contextlib.suppress(OSError):
                children = map(int, (thread / "children").read_text().split())
                family += [child for child in children if _program(child) != _program(parent)]
    return family


def _program(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def _megabytes(field: re.Pattern[str], pid: int) -> float:
    try:
        found = field.search(Path(f"/proc/{pid}/status").read_text())
    except OSError:  # it has ended
        return 0.0
    return int(found[1]) * 1024 / 1e6 if found else 0.0
