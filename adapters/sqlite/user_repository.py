"""Users in SQLite."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from adapters.records import from_json, to_json, user_from_record, user_to_record
from adapters.sqlite.database import SqliteDatabase
from domain.user import User


class SqliteUserRepository:
    """Keeps each user as JSON under the user's id."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def put(self, user: User) -> None:
        """Keep a user; the first ``created_at`` stays."""

        def upsert(connection: sqlite3.Connection) -> None:
            known = _fetch(connection, user.user_id) or user
            record = to_json(user_to_record(replace(user, created_at=known.created_at)))
            connection.execute("REPLACE INTO users VALUES (?, ?)", (user.user_id, record))

        await self._database.write(upsert)

    async def get(self, user_id: str) -> User | None:
        """The user, or None."""
        return await self._database.read(lambda connection: _fetch(connection, user_id))


def _fetch(connection: sqlite3.Connection, user_id: str) -> User | None:
    row = connection.execute("SELECT record FROM users WHERE user_id = ?", (user_id,)).fetchone()
    return None if row is None else user_from_record(from_json(row[0]))
