"""A server that speaks MongoDB's wire protocol."""

import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from adapters.mongodb import MongoDatabase
from tests.servers.processes import missing, running


@asynccontextmanager
async def mongodb_server(port: int = 0) -> AsyncIterator[str]:
    """The URI of MONGODB_TEST_URI's server, or of SecantusDB started here as a process."""
    if named := os.environ.get("MONGODB_TEST_URI"):
        yield named
        return
    async with secantus(port) as uri:
        yield uri


@asynccontextmanager
async def secantus(port: int = 0) -> AsyncIterator[str]:
    """The URI of a separate SecantusDB, which may be stopped and started again."""
    beside_python = Path(sys.executable).with_name("secantusd-py")
    program = beside_python if beside_python.exists() else shutil.which("secantusd-py")
    if program is None:
        missing("SecantusDB", "pip install -e '.[dev]' brings it, or set MONGODB_TEST_URI")
    command = [program, "--port", str(port), "--storage-path", ":memory:"]
    async with running(command, until=r"listening on ([\d.]+:\d+)") as ready:
        yield f"mongodb://{ready[1]}/"


async def without_expiry(mongodb: MongoDatabase) -> None:
    """Let nothing expire by the real clock, because tests use their own."""
    async with mongodb.call() as database:
        await database["refresh_token_records"].drop_index("expiry")
        await database["usage_counts"].drop_index("window")
        await database["account_ends"].drop_index("expiry")


async def dropped(mongodb: MongoDatabase) -> None:
    """Drop the database at the end."""
    async with mongodb.call() as database:
        await database.client.drop_database(database.name)
