"""Refresh tokens in SQLite."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import datetime

from adapters.moments import from_us, from_us_or_none, to_us
from adapters.sqlite.database import SqliteDatabase
from application.ports.refresh_token_repository import (
    MAX_PER_USER,
    RefreshTokenRecord,
    is_in_grace,
)


class SqliteRefreshTokenRepository:
    """Keeps each token's digest and whether it is valid, used or revoked."""

    def __init__(self, database: SqliteDatabase, max_per_user: int = MAX_PER_USER) -> None:
        self._database = database
        self._max_per_user = max_per_user

    async def add(self, record: RefreshTokenRecord) -> None:
        """Keep a new token."""
        await self._database.write(lambda connection: self._insert(connection, record))

    async def find(self, digest: str) -> RefreshTokenRecord | None:
        """The token, valid or not."""
        found = await self._database.read(lambda connection: _fetch(connection, digest))
        return None if found is None else found[0]

    async def rotate(
        self,
        digest: str,
        successor_digest: str,
        successor_expires_at: datetime,
        now: datetime,
        *,
        grace_s: float = 0.0,
    ) -> RefreshTokenRecord | None:
        """Use a token and add its successor, in one transaction."""

        def rotate(connection: sqlite3.Connection) -> RefreshTokenRecord | None:
            found = _fetch(connection, digest)
            if found is None:
                return None
            record, state, used_at = found
            if state == "used" and not is_in_grace(used_at, now, grace_s):
                connection.execute(
                    "UPDATE refresh_tokens SET state = 'revoked' WHERE family_id = ?",
                    (record.family_id,),
                )
                return None
            if state == "revoked" or record.expires_at <= now:
                return None
            connection.execute(
                "UPDATE refresh_tokens SET state = 'used', used_at_us = ? "
                "WHERE digest = ? AND state = 'standing'",
                (to_us(now), digest),
            )
            successor = replace(record, digest=successor_digest, expires_at=successor_expires_at)
            self._insert(connection, successor)
            return successor

        return await self._database.write(rotate)

    async def revoke_user(self, user_id: str) -> int:
        """Revoke every token of a user."""

        def revoke(connection: sqlite3.Connection) -> int:
            (ended,) = connection.execute(
                "SELECT count(DISTINCT family_id) FROM refresh_tokens "
                "WHERE user_id = ? AND state = 'standing'",
                (user_id,),
            ).fetchone()
            connection.execute(
                "UPDATE refresh_tokens SET state = 'revoked' WHERE user_id = ?", (user_id,)
            )
            return int(ended)

        return await self._database.write(revoke)

    async def delete_user(self, user_id: str) -> None:
        """Delete every token of a user."""
        await self._database.execute("DELETE FROM refresh_tokens WHERE user_id = ?", user_id)

    async def delete_expired(self, until: datetime) -> int:
        """Delete tokens that expired by then."""
        sql = "DELETE FROM refresh_tokens WHERE expires_at_us <= ?"
        return await self._database.execute(sql, to_us(until))

    def _insert(self, connection: sqlite3.Connection, record: RefreshTokenRecord) -> None:
        signed_in_at = record.signed_in_at
        connection.execute(
            "INSERT INTO refresh_tokens "
            "(digest, user_id, family_id, expires_at_us, signed_in_at_us, state) "
            "VALUES (?, ?, ?, ?, ?, 'standing') ON CONFLICT DO NOTHING",
            (
                record.digest,
                record.user_id,
                record.family_id,
                to_us(record.expires_at),
                None if signed_in_at is None else to_us(signed_in_at),
            ),
        )
        (count,) = connection.execute(
            "SELECT count(*) FROM refresh_tokens WHERE user_id = ?", (record.user_id,)
        ).fetchone()
        if count > self._max_per_user:
            connection.execute(
                "DELETE FROM refresh_tokens WHERE digest IN (SELECT digest FROM refresh_tokens "
                "WHERE user_id = ? AND digest <> ? ORDER BY state = 'standing', expires_at_us "
                "LIMIT ?)",
                (record.user_id, record.digest, count - self._max_per_user),
            )


def _fetch(
    connection: sqlite3.Connection, digest: str
) -> tuple[RefreshTokenRecord, str, datetime | None] | None:
    """The token, its state, and when it was first used."""
    row = connection.execute(
        "SELECT user_id, family_id, expires_at_us, signed_in_at_us, state, used_at_us "
        "FROM refresh_tokens WHERE digest = ?",
        (digest,),
    ).fetchone()
    if row is None:
        return None
    user_id, family_id, expires_at_us, signed_in_at_us, state, used_at_us = row
    signed_in_at = from_us_or_none(signed_in_at_us)
    record = RefreshTokenRecord(digest, user_id, family_id, from_us(expires_at_us), signed_in_at)
    return record, state, from_us_or_none(used_at_us)
