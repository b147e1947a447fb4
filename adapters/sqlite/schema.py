"""The tables, and the migration of older databases."""

from __future__ import annotations

import sqlite3

from application.errors import StoreUnavailable

# One tuple of statements per version. A released version is never changed; later changes are added
# at the end.
_MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE detections (
            detection_id TEXT PRIMARY KEY,
            user_id TEXT NOT NULL,
            timestamp_us INTEGER NOT NULL,
            emotions TEXT NOT NULL,
            folded_filename BLOB NOT NULL,
            record TEXT NOT NULL
        )
        """,
        # Read backwards it gives a user's records newest first; it also holds the columns of the
        # date and emotion filters, so that counting does not read the table.
        """
        CREATE INDEX detections_newest
        ON detections (user_id, timestamp_us, detection_id, emotions)
        """,
        """
        CREATE TABLE users (
            user_id TEXT PRIMARY KEY,
            record TEXT NOT NULL
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE refresh_tokens (
            digest TEXT PRIMARY KEY,
            user_id TEXT NOT NULL,
            family_id TEXT NOT NULL,
            expires_at_us INTEGER NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('standing', 'used', 'revoked'))
        ) WITHOUT ROWID
        """,
        "CREATE INDEX refresh_tokens_user ON refresh_tokens (user_id)",
        "CREATE INDEX refresh_tokens_family ON refresh_tokens (family_id)",
        "CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at_us)",
        """
        CREATE TABLE usage (
            subject TEXT PRIMARY KEY,
            count INTEGER NOT NULL,
            window_ends_at_us INTEGER,
            last_used_us INTEGER NOT NULL
        ) WITHOUT ROWID
        """,
        "CREATE INDEX usage_window ON usage (window_ends_at_us)",
    ),
    (
        "ALTER TABLE refresh_tokens ADD COLUMN signed_in_at_us INTEGER",
        # NULL in tokens that were used before this column existed: their grace is over.
        "ALTER TABLE refresh_tokens ADD COLUMN used_at_us INTEGER",
        """
        CREATE TABLE account_ends (
            account TEXT PRIMARY KEY,
            sign_ins_ended_at_us INTEGER NOT NULL,
            erased_at_us INTEGER
        ) WITHOUT ROWID
        """,
    ),
    (
        """
        CREATE TABLE videos (
            video_id TEXT PRIMARY KEY,
            user_id TEXT NOT NULL,
            submitted_at_us INTEGER NOT NULL,
            status TEXT NOT NULL,
            holder TEXT NOT NULL,
            held_until_us INTEGER NOT NULL,
            served_at_us INTEGER,
            record TEXT NOT NULL
        )
        """,
        "CREATE INDEX videos_user ON videos (user_id, submitted_at_us)",
        "CREATE INDEX videos_status ON videos (status, held_until_us)",
        """
        CREATE TABLE video_frames (
            video_id TEXT NOT NULL,
            first INTEGER NOT NULL,
            frames BLOB NOT NULL,
            PRIMARY KEY (video_id, first)
        )
        """,
    ),
    (
        # Turns are noted apart from the videos, which their users may erase. The column
        # ``served_at_us`` has no use any more; SQLite could not drop one before 3.35.
        """
        CREATE TABLE video_turns (
            account TEXT PRIMARY KEY,
            served_at_us INTEGER NOT NULL
        ) WITHOUT ROWID
        """,
        "DROP INDEX videos_user",
        "CREATE INDEX videos_of_user ON videos (user_id, status, submitted_at_us)",
    ),
)


_OVERWRITES_DELETED = 2


def migrate(connection: sqlite3.Connection) -> bool:
    """Migrate the database to the newest version, in one transaction.

    Returns:
        Whether a version that overwrites what it deletes made the database.

    Raises:
        StoreUnavailable: this version cannot read it; nothing was changed.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > len(_MIGRATIONS):
            raise StoreUnavailable("the database was made by a newer version of this service")
        for statements in _MIGRATIONS[version:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(_MIGRATIONS)}")
        connection.execute("COMMIT")
        return bool(version == 0 or version >= _OVERWRITES_DELETED)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
