"""`emotion-api serve` as an operator starts it: a process of its own on a folder of its own."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TextIO
from uuid import uuid4

import httpx

from tests.e2e.stacks import EmbeddedStack, Stack

ROOT = Path(__file__).parents[2]
READY = re.compile(r'ready on (http://[^ "]+)')
_LINK = re.compile(r"http://\S+/#code=\S+")
_END_OF_GREETING = "curl -F"


class ServiceProcess:
    """Starts, stops and kills the service on one stack; its data is kept.

    It writes its greeting to a terminal, and its log to a pipe.

    Args:
        folder: its working folder, in which it keeps its data.
        stack: its stores, and how users sign in; the embedded one if None.
        settings: its environment besides.

    Attributes:
        url: where it listens.
        link: the one-time link that it printed; empty where users do not sign in by one.
        log: what it has logged so far.
    """

    def __init__(self, folder: Path, stack: Stack | None = None, **settings: str) -> None:
        self.folder = folder
        self._stack = stack or EmbeddedStack()
        inherited = {"PATH", "HOME", "VIRTUAL_ENV", "LANG"}
        self.environment = {
            **{name: value for name, value in os.environ.items() if name in inherited},
            "PYTHONPATH": str(ROOT),
            "HOST": "127.0.0.1",
            "PORT": "0",
            "DATA_DIR": "data",
            "SHUTDOWN_GRACE_S": "100",
            **self._stack.settings(),
            **settings,
        }
        self._process: Process | None = None
        self._terminal: TextIO | None = None
        self._reading: list[asyncio.Task[None]] = []
        self.url = ""
        self.link = ""
        self.log = ""

    @property
    def pid(self) -> int:
        """Its process id while it runs."""
        assert self._process is not None
        return self._process.pid

    @property
    def port(self) -> int:
        """Where it listens on this machine."""
        return int(self.url.rpartition(":")[2])

    @property
    def _data_dir(self) -> Path:
        return self.folder / self.environment["DATA_DIR"]

    async def start(self) -> None:
        """Start, and wait until it is ready."""
        ours, its = os.openpty()
        self._terminal = os.fdopen(ours, encoding="utf-8")
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", "from entrypoints.cli import main; main()", "serve",
                cwd=self.folder, env=self.environment, stdout=its, stderr=PIPE,
            )  # fmt: skip
        finally:
            os.close(its)
        assert self._process.stderr is not None
        self._reading = [asyncio.create_task(self._keep_log(self._process.stderr))]
        try:
            async with asyncio.timeout(120):
                greeting = await asyncio.to_thread(_read_greeting, self._terminal)
        except OSError as error:
            raise AssertionError(f"the service did not start:\n{self.log}") from error
        self.url = READY.findall(greeting)[0]
        self.link = next(iter(_LINK.findall(greeting)), "")

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
        pipe: Any = vars(self._process.stderr)["_transport"]
        pipe.pause_reading()
        yield
        pipe.resume_reading()

    def ask_to_stop(self, by: signal.Signals = signal.SIGTERM) -> None:
        """Send SIGTERM."""
        assert self._process is not None
        self._process.send_signal(by)

    async def ended(self) -> None:
        """Wait for the process to end after SIGTERM, and check that it ended in order."""
        async with asyncio.timeout(120):
            status = await self._ended()
        assert status == 0
        assert "Application shutdown complete" in self.log
        assert not [line for line in self.log.splitlines() if "Traceback" in line]

    async def stop(self) -> None:
        """End it by SIGTERM if it runs, and check that it ends in order."""
        if self._process is not None and self._process.returncode is None:
            self.ask_to_stop()
            await self.ended()

    async def close(self) -> None:
        """End it in any state."""
        if self._process is not None and self._process.returncode is None:
            await self.kill()

    async def _ended(self) -> int:
        assert self._process is not None
        status = await self._process.wait()
        await asyncio.gather(*self._reading)
        if self._terminal is not None:
            self._terminal.close()
        return status

    async def _keep_log(self, stream: asyncio.StreamReader) -> None:
        while line := await stream.readline():
            self.log += line.decode()


def _read_greeting(terminal: TextIO) -> str:
    greeting = ""
    while _END_OF_GREETING not in greeting:
        greeting += terminal.readline()  # OSError once the process has ended
    return greeting


@asynccontextmanager
async def serving(
    folder: Path, stack: Stack | None = None, **settings: str
) -> AsyncIterator[ServiceProcess]:
    """A service for the length of the block, which has to end in order; see ``ServiceProcess``."""
    service = ServiceProcess(folder, stack, **settings)
    try:
        await service.start()
        yield service
        await service.stop()
    finally:
        await service.close()
