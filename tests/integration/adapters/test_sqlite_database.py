"""The SQLite file: crashes, permissions, migration."""

import asyncio
import sqlite3
import stat
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.sqlite import (
    SqliteDatabase,
    SqliteDetectionRepository,
    SqliteRefreshTokenRepository,
    SqliteUsageLedger,
    SqliteUserRepository,
)
from application.errors import StoreUnavailable
from domain.detection import HistoryFilter, StorageStatus
from domain.emotion import Emotion
from domain.user import User
from tests.integration.killing import run_until_killed
from tests.samples import NOON, erase_history, make_detection, records_of

KILLED_RIGHT_AFTER_ADDING = """
import asyncio, os, signal, sys
from pathlib import Path
from adapters.sqlite import SqliteDatabase, SqliteDetectionRepository
from tests.samples import make_detection

async def main() -> None:
    database = SqliteDatabase(Path(sys.argv[1]))
    await database.open()
    repository = SqliteDetectionRepository(database)
    for number in range(20):
        detection = make_detection(filename=f"{number}.jpg")
        await repository.add(detection)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def run_sql(path: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(statement).fetchall()


async def test_added_records_survive_a_kill_right_after(tmp_path: Path) -> None:
    path = tmp_path / "emotions.db"
    await asyncio.to_thread(run_until_killed, KILLED_RIGHT_AFTER_ADDING, path)
    database = SqliteDatabase(path)
    await database.open()
    try:
        found = await records_of(SqliteDetectionRepository(database))
        assert {d.filename for d in found} == {f"{number}.jpg" for number in range(20)}
    finally:
        await database.close()


async def test_records_are_there_after_closing_and_opening_again(tmp_path: Path) -> None:
    path, detection = tmp_path / "emotions.db", make_detection()
    for _ in range(2):
        database = SqliteDatabase(path)
        await database.open()
        repository = SqliteDetectionRepository(database)
        await repository.add(detection)
        assert await repository.get(detection.detection_id) == detection
        await database.close()


async def test_a_closed_database_can_be_opened_again(sqlite_database: SqliteDatabase) -> None:
    await sqlite_database.close()
    await sqlite_database.close()
    await sqlite_database.open()
    await sqlite_database.check()


async def test_only_the_operator_can_read_the_files(tmp_path: Path) -> None:
    path = tmp_path / "data" / "emotions.db"
    database = SqliteDatabase(path)
    await database.open()
    try:
        await SqliteDetectionRepository(database).add(make_detection())
        files = await asyncio.to_thread(lambda: list(path.parent.iterdir()))
        assert len(files) >= 2, "the write-ahead log lies beside the database"
        assert {mode_of(file) for file in files} == {0o600}
        assert mode_of(path.parent) == 0o700
    finally:
        await database.close()


CALLS: dict[str, Callable[[SqliteDatabase], Awaitable[object]]] = {
    "add": lambda db: SqliteDetectionRepository(db).add(make_detection()),
    "get": lambda db: SqliteDetectionRepository(db).get(make_detection().detection_id),
    "count": lambda db: SqliteDetectionRepository(db).count("alice", HistoryFilter()),
    "iterate": lambda db: anext(SqliteDetectionRepository(db).iterate("alice", HistoryFilter())),
    "update": lambda db: SqliteDetectionRepository(db).update_storage(make_detection()),
    "delete": lambda db: SqliteDetectionRepository(db).delete(make_detection().detection_id),
    "user": lambda db: SqliteUserRepository(db).get("alice"),
    "rotate": lambda db: SqliteRefreshTokenRepository(db).rotate("a", "b", NOON, NOON),
    "revoke": lambda db: SqliteRefreshTokenRepository(db).revoke_user("alice"),
    "forget": lambda db: SqliteRefreshTokenRepository(db).delete_expired(NOON),
    "consume": lambda db: SqliteUsageLedger(db).consume({"g": 1}, NOON, 60),
    "refund": lambda db: SqliteUsageLedger(db).refund(["g"]),
    "forget user": lambda db: SqliteUserRepository(db).delete("alice"),
    "find token": lambda db: SqliteRefreshTokenRepository(db).find("a"),
    "read": lambda db: SqliteUsageLedger(db).read("g", NOON),
}


@pytest.mark.parametrize("call", CALLS)
async def test_a_closed_database_raises_store_unavailable(
    sqlite_database: SqliteDatabase, call: str
) -> None:
    await sqlite_database.close()
    with pytest.raises(StoreUnavailable):
        await CALLS[call](sqlite_database)
    with pytest.raises(StoreUnavailable):
        await sqlite_database.check()


@pytest.mark.parametrize("call", CALLS)
async def test_a_broken_database_raises_store_unavailable(
    sqlite_database: SqliteDatabase, tmp_path: Path, call: str
) -> None:
    for table in ("detections", "users", "refresh_tokens", "usage"):
        await asyncio.to_thread(run_sql, tmp_path / "emotions.db", f"DROP TABLE {table}")
    with pytest.raises(StoreUnavailable) as caught:
        await CALLS[call](sqlite_database)
    assert "table" not in str(caught.value), "the driver's words are not for the caller"


async def test_a_failed_write_changes_nothing_and_the_next_one_works(
    sqlite_database: SqliteDatabase,
) -> None:
    def half_done(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO users VALUES ('alice', '{}')")
        connection.execute("INSERT INTO nowhere VALUES (1)")

    with pytest.raises(StoreUnavailable):
        await sqlite_database.write(half_done)
    users = await sqlite_database.read(
        lambda connection: connection.execute("SELECT count(*) FROM users").fetchone()
    )
    assert users == (0,)
    await SqliteDetectionRepository(sqlite_database).add(make_detection())


@pytest.mark.parametrize(
    "damaged", ["'{\"version\": 99}'", "substr(record, 1, 30)", "CAST(x'ff' AS TEXT)", "''"]
)
async def test_an_unreadable_row_hides_no_other_and_can_be_deleted(
    sqlite_database: SqliteDatabase,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    damaged: str,
) -> None:
    repository = SqliteDetectionRepository(sqlite_database)
    old, lost, new = (
        make_detection(Emotion.HAPPY, timestamp=NOON + timedelta(seconds=n)) for n in range(3)
    )
    for detection in (old, lost, new):
        await repository.add(detection)
    damage = f"UPDATE detections SET record = {damaged} WHERE detection_id = '{lost.detection_id}'"
    await asyncio.to_thread(run_sql, tmp_path / "emotions.db", damage)

    salvaged = replace(
        lost,
        filename=None,
        faces=(),
        processing_time_s=0,
        image_width=0,
        image_height=0,
        storage=StorageStatus.FAILED,
    )
    assert await records_of(repository) == [new, salvaged, old]
    assert await repository.get(lost.detection_id) == salvaged
    assert f"the record of detection {lost.detection_id} cannot be read" in caplog.text
    # It is listed, and a record of a newer version is not overwritten.
    assert await repository.update_storage(lost.stored_at("/api/images/1"))
    assert await repository.get(lost.detection_id) == salvaged

    assert await erase_history(repository).everything(User.known_by_id_alone("alice")) == 3
    assert await repository.count("alice", HistoryFilter()) == 0


@pytest.mark.parametrize("content", [b"this is no database, and long enough to be told from one"])
async def test_a_file_that_is_not_a_database_is_not_opened(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "emotions.db"
    await asyncio.to_thread(path.write_bytes, content * 100)
    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        await SqliteDatabase(path).open()


async def test_a_folder_that_cannot_be_created_raises_store_unavailable(tmp_path: Path) -> None:
    in_the_way = tmp_path / "data"
    await asyncio.to_thread(in_the_way.write_bytes, b"a file")
    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        await SqliteDatabase(in_the_way / "emotions.db").open()


async def test_a_database_of_a_newer_version_is_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "emotions.db"
    await asyncio.to_thread(run_sql, path, "PRAGMA user_version = 999")
    with pytest.raises(StoreUnavailable, match="newer version"):
        await SqliteDatabase(path).open()
    assert await asyncio.to_thread(run_sql, path, "PRAGMA user_version") == [(999,)]


async def test_a_new_database_can_be_opened_concurrently(tmp_path: Path) -> None:
    databases = [SqliteDatabase(tmp_path / "emotions.db") for _ in range(6)]
    await asyncio.gather(*(database.open() for database in databases))
    try:
        records = [make_detection() for _ in databases]
        await asyncio.gather(
            *(
                SqliteDetectionRepository(database).add(record)
                for database, record in zip(databases, records, strict=True)
            )
        )
        assert len(await records_of(SqliteDetectionRepository(databases[0]))) == 6
    finally:
        await asyncio.gather(*(database.close() for database in databases))


async def test_a_history_is_read_in_the_order_of_its_index(sqlite_database: SqliteDatabase) -> None:
    plan = await sqlite_database.read(
        lambda connection: connection.execute(
            "EXPLAIN QUERY PLAN SELECT record FROM detections WHERE user_id = 'alice' "
            "AND (timestamp_us, detection_id) < (1, 'a') "
            "ORDER BY timestamp_us DESC, detection_id DESC LIMIT 10"
        ).fetchall()
    )
    steps = [row[-1] for row in plan]
    assert len(steps) == 1, f"nothing is sorted: {steps}"
    assert "USING INDEX detections_newest" in steps[0]
