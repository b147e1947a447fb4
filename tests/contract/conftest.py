"""What the contract suites share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.circuit_breaker import CircuitBreaker
from adapters.mongodb import MongoDatabase
from adapters.sqlite import SqliteDatabase
from tests.servers.mongodb import dropped, without_expiry


@pytest.fixture
async def sqlite_database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    """A database of its own for each test."""
    database = SqliteDatabase(tmp_path / "emotions.db")
    await database.open()
    yield database
    await database.close()


@pytest.fixture
async def mongodb_database(mongodb_uri: str, mongodb_name: str) -> AsyncIterator[MongoDatabase]:
    """A database of its own for each test, on a server that all share."""
    database = MongoDatabase(
        uri=mongodb_uri,
        name=mongodb_name,
        timeout_s=30,
        max_connections=10,
        breaker=CircuitBreaker("MongoDB"),
    )
    await database.open()
    await database.run(without_expiry)
    yield database
    await database.run(dropped)
    await database.close()
