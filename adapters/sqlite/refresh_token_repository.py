"""Refresh tokens in SQLite."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from adapters.moments import to_us
from adapters.sqlite.database import SqliteDatabase
from application.ports.refresh_token_repository import RefreshTokenRecord


class SqliteRefreshTokenRepository:
    """Keeps each token's digest and whether it stands, was used, or is revoked."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def add(self, record: RefreshTokenRecord) -> None:
        """Keep a new token."""
        await self._database.write(lambda connection: _insert(connection, record))

    async def rotate(
        self, digest: str, successor_digest: str, successor_expires_at: datetime, now: datetime
    ) -> RefreshTokenRecord | None:
        """Use a token once and put its successor in its place, in one transaction."""

        def rotate(connection: sqlite3.Connection) -> RefreshTokenRecord | None:
            row = connection.execute(
                "SELECT user_id, family_id, expires_at_us, state FROM refresh_tokens "
                "WHERE digest = ?",
                (digest,),
            ).fetchone()
            if row is None:
                return None
            user_id, family_id, expires_at_us, state = row
            if state == "used":
                connection.execute(
                    "UPDATE refresh_tokens SET state = 'revoked' "
                    "WHERE family_id = ? AND state = 'standing'",
                    (family_id,),
                )
                return None
            if state == "revoked" or expires_at_us <= to_us(now):
                return None
            connection.execute(
                "UPDATE refresh_tokens SET state = 'used' WHERE digest = ?", (digest,)
            )
            successor = RefreshTokenRecord(
                successor_digest, user_id, family_id, successor_expires_at
            )
            _insert(connection, successor)
            return successor

        return await self._database.write(rotate)

    async def revoke_user(self, user_id: str) -> int:
        """Revoke every token of a user."""

        def revoke(connection: sqlite3.Connection) -> int:
            return connection.execute(
                "UPDATE refresh_tokens SET state = 'revoked' "
                "WHERE user_id = ? AND state = 'standing'",
                (user_id,),
            ).rowcount

        return await self._database.write(revoke)

    async def delete_expired(self, now: datetime) -> int:
        """Forget tokens past their time."""

        def delete(connection: sqlite3.Connection) -> int:
            return connection.execute(
                "DELETE FROM refresh_tokens WHERE expires_at_us <= ?", (to_us(now),)
            ).rowcount

        return await self._database.write(delete)


def _insert(connection: sqlite3.Connection, record: RefreshTokenRecord) -> None:
    connection.execute(
        "INSERT INTO refresh_tokens VALUES (?, ?, ?, ?, 'standing') ON CONFLICT DO NOTHING",
        (record.digest, record.user_id, record.family_id, to_us(record.expires_at)),
    )
