"""The bytes of the SQLite file: deleted data, and damage."""

import asyncio
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from adapters.in_memory import InMemoryClock
from adapters.sqlite import (
    SqliteDatabase,
    SqliteDetectionRepository,
    SqliteRefreshTokenRepository,
    SqliteUsageLedger,
    SqliteVideoRepository,
)
from application.errors import StoreUnavailable
from application.use_cases.forget_expired import ForgetExpired
from domain.user import User
from tests.integration.killing import run_until_killed
from tests.samples import erase_history, make_detection

NAME = "holiday-in-lisbon-1974.jpg"

KILLED_AFTER_ERASING = """
import asyncio, os, signal, sys
from pathlib import Path
from tests.integration.adapters.test_sqlite_on_disk import filled, erased
from adapters.sqlite import SqliteDatabase

async def main() -> None:
    database = SqliteDatabase(Path(sys.argv[1]))
    await database.open()
    await filled(database)
    await erased(database)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""

DISK_IS_FULL = """
import asyncio, resource, sys
from pathlib import Path
from adapters.filesystem import FileSystemDetectionSpool
from adapters.sqlite import SqliteDatabase
from application.errors import StoreUnavailable

async def main() -> None:
    folder = Path(sys.argv[1])
    database = SqliteDatabase(folder / "emotions.db")
    spool = FileSystemDetectionSpool(folder=folder / "spool", max_bytes=2**30)
    await database.open()
    for part in (database, spool):
        await part.check()
    # No file can grow or be made with anything in it, as on a disk without room.
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    await asyncio.sleep(1.1)  # an answer stands for a second
    for part in (database, spool):
        try:
            await part.check()
        except StoreUnavailable:
            print("down")

asyncio.run(main())
"""


async def filled(database: SqliteDatabase) -> None:
    """Keep thirty records, some of which have left the write-ahead log."""
    repository = SqliteDetectionRepository(database)
    for number in range(30):
        detection = make_detection(filename=NAME)
        await repository.add(detection)
        await repository.update_storage(detection.stored_at("/api/images/1"))
        if number == 15:
            await repository.wipe()


async def erased(database: SqliteDatabase) -> None:
    erase = erase_history(SqliteDetectionRepository(database))
    assert await erase.everything(User.known_by_id_alone("alice")) == 30


def found_in(folder: Path, *words: str) -> list[str]:
    return [
        f"{word} in {path.name}"
        for path in folder.iterdir()
        for word in words
        if word.encode() in path.read_bytes()
    ]


@pytest.fixture
def database(sqlite_database: SqliteDatabase) -> SqliteDatabase:
    return sqlite_database


async def test_nothing_of_an_erased_history_stays_on_the_disk(
    database: SqliteDatabase, tmp_path: Path
) -> None:
    await filled(database)
    assert found_in(tmp_path, NAME)
    await erased(database)
    assert found_in(tmp_path, NAME, "alice") == []


async def test_a_kill_brings_nothing_erased_back(tmp_path: Path) -> None:
    await asyncio.to_thread(run_until_killed, KILLED_AFTER_ERASING, tmp_path / "emotions.db")
    assert found_in(tmp_path, NAME, "alice") == []


async def test_remains_of_an_older_version_are_removed_on_opening(tmp_path: Path) -> None:
    path = tmp_path / "emotions.db"
    with closing(sqlite3.connect(path)) as old:
        old.executescript("PRAGMA secure_delete = OFF; PRAGMA journal_mode = WAL;")
        from adapters.sqlite import schema

        for statement in schema._MIGRATIONS[0]:
            old.execute(statement)
        old.execute("PRAGMA user_version = 1")
        for number in range(60):
            old.execute(
                "INSERT INTO detections VALUES (?, 'alice', 0, '', ?, '{}')",
                (str(number), NAME.encode()),
            )
        old.commit()
        old.execute("DELETE FROM detections")
        old.commit()
    assert found_in(tmp_path, NAME)
    database = SqliteDatabase(path)
    await database.open()
    await database.close()
    assert found_in(tmp_path, NAME) == []


async def test_a_guests_address_is_erased_after_the_window_without_any_call(
    database: SqliteDatabase, tmp_path: Path
) -> None:
    clock, ledger = InMemoryClock(), SqliteUsageLedger(database)
    forgetting = ForgetExpired(
        ledger=ledger,
        refresh_tokens=SqliteRefreshTokenRepository(database),
        repository=SqliteDetectionRepository(database),
        videos=SqliteVideoRepository(database),
        clock=clock,
    )
    await ledger.consume({"guest:1": 3, "address:192.0.2.77": 6}, clock.now(), 86_400)
    assert await forgetting.execute() == 0
    assert found_in(tmp_path, "192.0.2.77")
    clock.advance(86_400)
    assert await forgetting.execute() == 2
    assert found_in(tmp_path, "192.0.2.77", "guest:1") == []


async def test_a_healthy_database_passes_repeated_checks(
    database: SqliteDatabase,
) -> None:
    await filled(database)
    await asyncio.gather(*(database.check() for _ in range(20)))
    await database.check()


@pytest.mark.parametrize("first_bad_byte", [0, 4096, 8192])
async def test_a_database_whose_pages_are_gone_fails_its_check(
    database: SqliteDatabase, tmp_path: Path, first_bad_byte: int
) -> None:
    await filled(database)
    await database.wipe()
    path = tmp_path / "emotions.db"

    def damage() -> None:
        size = path.stat().st_size
        with path.open("r+b") as file:
            file.seek(first_bad_byte)
            file.write(bytes(size - first_bad_byte))

    await asyncio.to_thread(damage)
    with pytest.raises(StoreUnavailable):
        await database.check()


async def test_a_removed_file_fails_its_check_and_is_not_created_again(
    database: SqliteDatabase, tmp_path: Path
) -> None:
    for path in await asyncio.to_thread(lambda: list(tmp_path.iterdir())):
        path.unlink()
    with pytest.raises(StoreUnavailable):
        await database.check()
    assert not (tmp_path / "emotions.db").exists()


async def test_a_full_disk_fails_the_checks_of_database_and_spool(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DISK_IS_FULL, str(tmp_path),
        stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    out, _ = await process.communicate()
    assert out.decode().split() == ["down", "down"]


async def test_a_full_database_says_so(database: SqliteDatabase) -> None:
    await filled(database)
    await database.write(lambda connection: connection.execute("PRAGMA max_page_count = 1"))
    with pytest.raises(StoreUnavailable, match="its disk is full"):
        await filled(database)


async def test_callers_wait_for_a_lock_of_another_process_side_by_side(
    database: SqliteDatabase, tmp_path: Path
) -> None:
    def hold() -> sqlite3.Connection:
        other = sqlite3.connect(tmp_path / "emotions.db", check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        return other

    repository = SqliteDetectionRepository(database)
    with closing(await asyncio.to_thread(hold)):
        async with asyncio.timeout(20):  # one after the other, it would take 100 seconds
            adding = (repository.add(make_detection()) for _ in range(20))
            outcomes = await asyncio.gather(*adding, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {StoreUnavailable}
    assert {str(outcome).partition(": ")[2] for outcome in outcomes} == {
        "another process has locked it"
    }
    await repository.add(make_detection())
