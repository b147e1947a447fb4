"""A service that starts quickly: its imports, most of a start, are done once for all starts."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import re
import sys
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path

from tests.e2e.service_process import READY, ServiceProcess

_FORKS = multiprocessing.get_context("forkserver")
_IMPORTED_ONCE = [
    "entrypoints.cli",
    "entrypoints.process.serve",
    "adapters.mongodb",
    "adapters.cloudinary",
    "adapters.firebase",
]


class QuickStart(ServiceProcess):
    """A service process forked from one that has only imported everything."""

    async def start(self) -> None:
        """Start, and wait until it is ready."""
        _FORKS.set_forkserver_preload(_IMPORTED_ONCE)
        ours, theirs = _FORKS.Pipe(duplex=False)
        self._forked = _FORKS.Process(
            target=_serve, args=(self.folder, self.environment, theirs), daemon=True
        )
        await asyncio.to_thread(self._forked.start)
        theirs.close()
        self._said = asyncio.StreamReader()
        self._pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(self._said),
            os.fdopen(os.dup(ours.fileno()), "rb", buffering=0),
        )
        ours.close()
        found = None
        async with asyncio.timeout(120):
            while found is None:
                line = (await self._said.readline()).decode()
                assert line, f"the service did not start:\n{self.log}"
                self.log += line
                found = re.search(READY, line)
        self.url = found[1]
        self._reading = [asyncio.create_task(self._keep_log(self._said))]

    async def kill(self) -> None:
        """End it as a power cut would."""
        self._forked.kill()
        await asyncio.gather(*self._reading)  # Its pipes are closed when it is dead.
        self._pipe.close()
        await asyncio.to_thread(self._forked.join)

    async def close(self) -> None:
        """End it in any state."""
        if self._forked.is_alive():
            await self.kill()


def _serve(folder: Path, environment: Mapping[str, str], said: Connection) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for standard in (1, 2):
        os.dup2(said.fileno(), standard)
    said.close()
    # Python's own streams still refer to the earlier descriptors.
    sys.stdout, sys.stderr = os.fdopen(1, "w", buffering=1), os.fdopen(2, "w", buffering=1)
    sys.argv = ["emotion-api", "serve"]
    from entrypoints.cli import main

    main()
