"""What the contract suites share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.sqlite import SqliteDatabase


@pytest.fixture
async def sqlite_database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    """A database of its own for each test."""
    database = SqliteDatabase(tmp_path / "emotions.db")
    await database.open()
    yield database
    await database.close()
