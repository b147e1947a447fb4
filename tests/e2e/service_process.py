"""`emotion-api serve` as an operator starts it: a process of its own on a folder of its own."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from tests.e2e.stacks import Stack

READY = re.compile(r'ready on (http://[^ "]+)')


class ServiceProcess:
    """Starts, stops and kills the service on one stack; its data is kept."""

    def __init__(self, folder: Path, stack: Stack) -> None:
        self.folder = folder
        self._stack = stack
        self._data_dir = folder / "data"
        kept = {"PATH", "HOME", "PYTHONPATH", "VIRTUAL_ENV", "LANG"}
        self.environment = {
            **{name: value for name, value in os.environ.items() if name in kept},
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "HOST": "127.0.0.1",
            "PORT": "0",
            "DATA_DIR": str(self._data_dir),
            "FACE_DETECTOR": "bundled",
            "LOG_FORMAT": "json",
            "SHUTDOWN_GRACE_S": "100",
            "REFRESH_GRACE_SECONDS": "0",  # a reused refresh token counts as stolen at once
            **stack.settings(),
        }
        self._process: Process | None = None
        self._reading: list[asyncio.Task[None]] = []
        self.url = ""
        self.log = ""

    @property
    def pid(self) -> int:
        """Its process id while it runs."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start, and wait until it is ready."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "from entrypoints.cli import main; main()", "serve",
            cwd=self.folder, env=self.environment, stdout=PIPE, stderr=PIPE,
        )  # fmt: skip
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._reading = [asyncio.create_task(self._keep_log(self._process.stderr))]
        self.url = ""
        async with asyncio.timeout(120):
            while not self.url:
                line = (await self._process.stdout.readline()).decode()
                assert line, f"the service did not start:\n{self.log}"
                if found := READY.search(line):
                    self.url = found[1]
        self._reading.append(asyncio.create_task(self._drain(self._process.stdout)))

    async def sign_in(self) -> dict[str, Any]:
        """Sign in a new user; returns the answer, and the ``id_token`` it was for."""
        id_token = await self._stack.id_token(f"{uuid4().hex}@example.com", self._data_dir)
        async with self.client() as guest:
            answer = await guest.post("/auth/verify-token", json={"id_token": id_token})
        assert answer.status_code == 200, answer.text
        return {**answer.json(), "id_token": id_token}

    async def user(self) -> httpx.AsyncClient:
        """The client of a new signed-in user."""
        return self.client((await self.sign_in())["access_token"])

    def client(self, token: str | None = None) -> httpx.AsyncClient:
        """A client with this access token; without one, of a guest."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.AsyncClient(base_url=self.url, timeout=120, trust_env=False, headers=headers)

    async def kill(self) -> None:
        """End it as a power cut would."""
        assert self._process is not None
        self._process.kill()
        await self._ended()

    @contextmanager
    def log_unread(self) -> Iterator[None]:
        """Do not read its log during the block, like a stalled reader."""
        assert self._process is not None
        assert self._process.stderr is not None
        pipe: Any = self._process.stderr._transport
        pipe.pause_reading()
        yield
        pipe.resume_reading()

    def ask_to_stop(self, by: signal.Signals = signal.SIGTERM) -> None:
        """Send SIGTERM."""
        assert self._process is not None
        self._process.send_signal(by)

    async def ended(self) -> None:
        """Wait for the process to end after SIGTERM, and check its exit status."""
        async with asyncio.timeout(120):
            status = await self._ended()
        assert status == 0
        assert "Application shutdown complete" in self.log
        assert not [line for line in self.log.splitlines() if "Traceback" in line]

    async def close(self) -> None:
        """End it in any state."""
        if self._process is not None and self._process.returncode is None:
            await self.kill()

    async def _ended(self) -> int:
        assert self._process is not None
        status = await self._process.wait()
        await asyncio.gather(*self._reading)
        return status

    async def _keep_log(self, stream: asyncio.StreamReader) -> None:
        while line := await stream.readline():
            self.log += line.decode()

    async def _drain(self, stream: asyncio.StreamReader) -> None:
        while await stream.readline():
            pass
