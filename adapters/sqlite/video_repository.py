"""Recorded videos in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from adapters.moments import to_us
from adapters.records import account_key, from_json, from_record, to_json, to_record
from adapters.sqlite.database import SqliteDatabase
from adapters.video_records import pack_frames, unpack_frames
from domain.video import AnalysedFrame, Video, VideoStatus

_NOT_DONE = "('receiving', 'queued', 'running')"
_CLAIMABLE = "('receiving', 'queued', 'running', 'cancelled')"

# The oldest video of each user, of those that no process holds.
_WAITING = f"""
SELECT user_id, min(submitted_at_us) FROM videos
WHERE status IN {_CLAIMABLE} AND held_until_us <= ? GROUP BY user_id
"""


class SqliteVideoRepository:
    """Keeps each video as JSON, with extra columns for queries, and packed frames."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def add(self, video: Video, *, holder: str, until: datetime, limit: int) -> bool:
        """Keep a new video, held."""

        def insert(connection: sqlite3.Connection) -> bool:
            (unfinished,) = connection.execute(
                f"SELECT count(*) FROM videos WHERE user_id = ? AND status IN {_NOT_DONE}",
                (video.user_id,),
            ).fetchone()
            if unfinished >= limit:
                return False
            connection.execute(
                "INSERT INTO videos VALUES (?, ?, ?, ?, ?, ?, NULL, ?)",
                (
                    str(video.video_id),
                    video.user_id,
                    to_us(video.submitted_at),
                    video.status.value,
                    holder,
                    to_us(until),
                    _dump(video),
                ),
            )
            return True

        return await self._database.write(insert)

    async def get(self, video_id: UUID) -> Video | None:
        """The video, or None."""
        return await self._database.read(lambda connection: _fetch(connection, video_id))

    async def newest(
        self, user_id: str, statuses: Collection[VideoStatus], *, limit: int
    ) -> Sequence[Video]:
        """The newest videos of a user in these states."""

        def select(connection: sqlite3.Connection) -> list[Video]:
            rows = connection.execute(
                "SELECT record FROM videos WHERE user_id = ? "
                f"AND status IN ({', '.join('?' * len(statuses))}) "
                "ORDER BY submitted_at_us DESC, video_id DESC LIMIT ?",
                (user_id, *(status.value for status in statuses), limit),
            )
            return [_load(record) for (record,) in rows]

        return await self._database.read(select)

    async def claim(self, *, holder: str, now: datetime, until: datetime) -> Video | None:
        """Hold the next video that no process holds."""
        # Looking takes no lock, because most of the time no video waits.
        if await self._database.read(
            lambda connection: connection.execute(_WAITING, (to_us(now),)).fetchone() is None
        ):
            return None

        def take(connection: sqlite3.Connection) -> Video | None:
            video = _next(connection, now)
            if video is None:
                return None
            if video.status in (VideoStatus.QUEUED, VideoStatus.RUNNING):
                video = replace(video, status=VideoStatus.RUNNING, attempts=video.attempts + 1)
            _write(connection, video, holder, until)
            _note_turn(connection, video.user_id, now)
            return video

        return await self._database.write(take)

    async def end_turn(self, user_id: str, now: datetime) -> None:
        """Note that the work on a user's video has ended for now."""
        await self._database.write(lambda connection: _note_turn(connection, user_id, now))

    async def forget_turns(self, until: datetime) -> int:
        """Delete the notes of turns before a moment."""
        sql = "DELETE FROM video_turns WHERE served_at_us < ?"
        return await self._database.execute(sql, to_us(until))

    async def update(
        self, video: Video, *, holder: str, until: datetime, frames: Sequence[AnalysedFrame] = ()
    ) -> bool:
        """Write a video that this holder holds, and add frames to it."""

        def update(connection: sqlite3.Connection) -> bool:
            is_held = connection.execute(
                f"SELECT 1 FROM videos WHERE video_id = ? AND holder = ? AND status IN {_NOT_DONE}",
                (str(video.video_id), holder),
            ).fetchone()
            if is_held is None:
                return False
            _write(connection, video, holder, until)
            if frames:
                connection.execute(
                    "REPLACE INTO video_frames VALUES (?, ?, ?)",
                    (str(video.video_id), frames[0].number, pack_frames(frames)),
                )
            return True

        return await self._database.write(update)

    async def cancel(self, video_id: UUID) -> bool:
        """Cancel a video and end its lease."""

        def cancel(connection: sqlite3.Connection) -> bool:
            video = _fetch(connection, video_id)
            if video is None:
                return False
            _write(
                connection,
                replace(video, status=VideoStatus.CANCELLED, speed=None),
                "",
                video.submitted_at,
            )
            return True

        return await self._database.write(cancel)

    async def frames(self, video_id: UUID) -> AsyncIterator[Sequence[AnalysedFrame]]:
        """The frames of a video in order, each of them once."""
        first = wanted = 0

        def select(connection: sqlite3.Connection) -> tuple[int, list[AnalysedFrame]] | None:
            row = connection.execute(
                "SELECT first, frames FROM video_frames WHERE video_id = ? AND first >= ? "
                "ORDER BY first LIMIT 1",
                (str(video_id), first),
            ).fetchone()
            return None if row is None else (row[0], unpack_frames(row[1]))

        while (found := await self._database.read(select)) is not None:
            first = found[0] + 1
            # An interrupted run may have written frames that the next run wrote again.
            frames = [frame for frame in found[1] if frame.number >= wanted]
            if frames:
                wanted = frames[-1].number + 1
                yield frames

    async def others_wait(self, user_id: str, now: datetime) -> bool:
        """Whether a queued video of another user waits."""

        def select(connection: sqlite3.Connection) -> bool:
            row = connection.execute(
                "SELECT 1 FROM videos WHERE status = 'queued' AND held_until_us <= ? "
                "AND user_id <> ? LIMIT 1",
                (to_us(now), user_id),
            ).fetchone()
            return row is not None

        return await self._database.read(select)

    async def end_runs(self, instance_id: str) -> None:
        """End the leases of earlier runs of an instance."""
        await self._database.execute(
            "UPDATE videos SET holder = '', held_until_us = 0 WHERE substr(holder, 1, ?) = ?",
            len(instance_id) + 1,
            f"{instance_id}/",
        )

    async def delete(self, video_id: UUID) -> bool:
        """Delete a video and its frames."""

        def delete(connection: sqlite3.Connection) -> bool:
            connection.execute("DELETE FROM video_frames WHERE video_id = ?", (str(video_id),))
            gone = connection.execute("DELETE FROM videos WHERE video_id = ?", (str(video_id),))
            return gone.rowcount > 0

        return await self._database.write(delete)


def _fetch(connection: sqlite3.Connection, video_id: UUID) -> Video | None:
    row = connection.execute(
        "SELECT record FROM videos WHERE video_id = ?", (str(video_id),)
    ).fetchone()
    return None if row is None else _load(row[0])


def _next(connection: sqlite3.Connection, now: datetime) -> Video | None:
    """The next video: of the user whose last turn is the longest ago; then the oldest."""
    waiting = connection.execute(_WAITING, (to_us(now),)).fetchall()
    if not waiting:
        return None

    def rank(user: tuple[str, int]) -> tuple[int, int]:
        user_id, submitted_at_us = user
        turn = connection.execute(
            "SELECT served_at_us FROM video_turns WHERE account = ?", (account_key(user_id),)
        ).fetchone()
        return turn[0] if turn else 0, submitted_at_us

    user_id, _ = min(waiting, key=rank)
    (record,) = connection.execute(
        f"SELECT record FROM videos WHERE user_id = ? AND status IN {_CLAIMABLE} "
        "AND held_until_us <= ? ORDER BY submitted_at_us, video_id LIMIT 1",
        (user_id, to_us(now)),
    ).fetchone()
    return _load(record)


def _note_turn(connection: sqlite3.Connection, user_id: str, now: datetime) -> None:
    connection.execute("REPLACE INTO video_turns VALUES (?, ?)", (account_key(user_id), to_us(now)))


def _write(connection: sqlite3.Connection, video: Video, holder: str, until: datetime) -> None:
    connection.execute(
        "UPDATE videos SET record = ?, status = ?, holder = ?, held_until_us = ? "
        "WHERE video_id = ?",
        (_dump(video), video.status.value, holder, to_us(until), str(video.video_id)),
    )


def _dump(video: Video) -> str:
    return to_json(to_record(video))


def _load(record: str) -> Video:
    return from_record(Video, from_json(record))
