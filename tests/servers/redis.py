"""A Redis server for one test."""

import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.servers.processes import missing, running


def free_port() -> int:
    """A free port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@asynccontextmanager
async def redis_server(port: int | None = None) -> AsyncIterator[str]:
    """The URL of a server; restarted on the same port, it is empty."""
    program = shutil.which("redis-server")
    if program is None:
        missing("redis-server", "apt install redis-server, or brew install redis")
    number = str(port or free_port())
    command = [program, "--port", number, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    async with running(command, until="Ready to accept connections"):
        yield f"redis://127.0.0.1:{number}/0"
