"""Running a server beside the tests."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NoReturn

import pytest


def missing(component: str, remedy: str) -> NoReturn:
    """Skip because something is missing on this machine; in CI this fails."""
    message = f"{component} is not installed; {remedy}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@asynccontextmanager
async def running(
    command: Sequence[str | Path], *, until: str, within_s: float = 60, cwd: Path | None = None
) -> AsyncIterator[re.Match[str]]:
    """Run a process for the length of the block; waits for a line that matches ``until``."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    said: list[str] = []
    try:
        async with asyncio.timeout(within_s):
            found = None
            while found is None:
                line = (await process.stdout.readline()).decode(errors="replace")
                said.append(line)
                if not line:
                    pytest.fail(f"{command[0]} ended before it was ready:\n{''.join(said)}")
                found = re.search(until, line)
        reading = asyncio.create_task(_drain(process.stdout))
        yield found
        reading.cancel()
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(10):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.read(65536):
        pass
