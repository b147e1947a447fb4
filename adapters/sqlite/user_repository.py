"""Users in SQLite."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import datetime

from adapters.moments import from_us, from_us_or_none, to_us
from adapters.records import (
    ACCOUNT_END_KEPT,
    account_key,
    from_json,
    from_record,
    to_json,
    to_record,
)
from adapters.sqlite.database import SqliteDatabase
from application.ports.user_repository import AccountEnd
from domain.user import User


class SqliteUserRepository:
    """Keeps each user as JSON under the user's id."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def put(self, user: User) -> None:
        """Keep a user; the first ``created_at`` stays."""

        def upsert(connection: sqlite3.Connection) -> None:
            known = _fetch(connection, user.user_id) or user
            record = to_json(to_record(replace(user, created_at=known.created_at)))
            connection.execute("REPLACE INTO users VALUES (?, ?)", (user.user_id, record))

        await self._database.write(upsert)

    async def get(self, user_id: str) -> User | None:
        """The user, or None."""
        return await self._database.read(lambda connection: _fetch(connection, user_id))

    async def delete(self, user_id: str) -> bool:
        """Delete a user."""
        return await self._database.execute("DELETE FROM users WHERE user_id = ?", user_id) > 0

    async def end(self, user_id: str, at: datetime, *, erased: bool) -> None:
        """Note that the account was ended."""

        def end(connection: sqlite3.Connection) -> None:
            connection.execute(
                "DELETE FROM account_ends WHERE sign_ins_ended_at_us < ?",
                (to_us(at - ACCOUNT_END_KEPT),),
            )
            connection.execute(
                "INSERT INTO account_ends VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET "
                "sign_ins_ended_at_us = excluded.sign_ins_ended_at_us, "
                "erased_at_us = coalesce(excluded.erased_at_us, erased_at_us)",
                (account_key(user_id), to_us(at), to_us(at) if erased else None),
            )

        await self._database.write(end)

    async def end_of(self, user_id: str) -> AccountEnd | None:
        """When the account was last ended."""
        row = await self._database.fetch(
            "SELECT sign_ins_ended_at_us, erased_at_us FROM account_ends WHERE account = ?",
            account_key(user_id),
        )
        if row is None:
            return None
        return AccountEnd(from_us(row[0]), from_us_or_none(row[1]))


def _fetch(connection: sqlite3.Connection, user_id: str) -> User | None:
    row = connection.execute("SELECT record FROM users WHERE user_id = ?", (user_id,)).fetchone()
    return None if row is None else from_record(User, from_json(row[0]))
