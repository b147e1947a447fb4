"""Usage counters in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from adapters.moments import from_us, from_us_or_none, to_us
from adapters.sqlite.database import SqliteDatabase
from application.ports.usage_ledger import UsageCount


class SqliteUsageLedger:
    """Keeps one row per subject; rows whose window is over are deleted on each use."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def consume(
        self, limits: Mapping[str, int | None], at: datetime, window_s: int | None
    ) -> str | None:
        """Count one use for every subject, or for none, in one transaction."""
        wanted = dict(limits)
        fresh_end = None if window_s is None else at + timedelta(seconds=window_s)

        def consume(connection: sqlite3.Connection) -> str | None:
            _delete_expired(connection, at)
            known = {subject: _fetch(connection, subject) for subject in wanted}
            for subject, limit in wanted.items():
                if limit is not None and known[subject].count >= limit:
                    return subject
            for subject, count in known.items():
                ends_at = count.window_ends_at or fresh_end
                connection.execute(
                    "REPLACE INTO usage VALUES (?, ?, ?, ?)",
                    (subject, count.count + 1, ends_at and to_us(ends_at), to_us(at)),
                )
            return None

        return await self._database.write(consume)

    async def refund(self, subjects: Sequence[str]) -> None:
        """Take one use back from every subject."""
        sql = "UPDATE usage SET count = max(count - 1, 0) WHERE subject = ?"
        rows = [(subject,) for subject in subjects]
        await self._database.write(lambda connection: connection.executemany(sql, rows))

    async def forget(self, subject: str) -> None:
        """Delete the counter of a subject."""
        await self._database.execute("DELETE FROM usage WHERE subject = ?", subject)

    async def delete_expired(self, now: datetime) -> int:
        """Delete the counters whose window is over."""
        return await self._database.write(lambda connection: _delete_expired(connection, now))

    async def read(self, subject: str, at: datetime) -> UsageCount:
        """The counter of a subject."""
        known = await self._database.read(lambda connection: _fetch(connection, subject))
        return UsageCount() if known.is_over(at) else known


def _delete_expired(connection: sqlite3.Connection, now: datetime) -> int:
    return connection.execute(
        "DELETE FROM usage WHERE window_ends_at_us <= ?", (to_us(now),)
    ).rowcount


def _fetch(connection: sqlite3.Connection, subject: str) -> UsageCount:
    row = connection.execute(
        "SELECT count, window_ends_at_us, last_used_us FROM usage WHERE subject = ?", (subject,)
    ).fetchone()
    if row is None:
        return UsageCount()
    count, window_ends_at_us, last_used_us = row
    return UsageCount(count, from_us_or_none(window_ends_at_us), from_us(last_used_us))
