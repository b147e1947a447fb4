"""Importing the history of an older service."""

import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from bson import ObjectId
from motor.motor_asyncio import AsyncIOMotorClient
from rich.console import Console

from adapters.sqlite import SqliteDatabase, SqliteDetectionRepository
from application.errors import StoreUnavailable
from application.use_cases.import_history import ImportOutcome
from domain.detection import Detection, StorageStatus
from domain.emotion import Emotion
from domain.geometry import BoundingBox
from entrypoints.cli.import_history import import_history
from entrypoints.settings import load_settings
from tests.samples import records_of

OLD: dict[str, Any] = {
    "detection_id": "6f1f3f5e-9f51-4b5a-9e0c-1d2f3a4b5c6d",
    "user_id": "alice",
    "timestamp": datetime(2025, 3, 4, 5, 6, 7, tzinfo=UTC),
    "image_url": "https://res.cloudinary.com/demo/image/upload/v1/a.jpg",
    "detection_results": {
        "faces": [
            {
                "box": [10, 20, 80, 90],
                "emotions": [
                    {"emotion": "happy", "score": 0.9, "percentage": 90.0},
                    {"emotion": "sad", "score": 0.1, "percentage": 10.0},
                ],
            }
        ],
        "face_detected": True,
        "processing_time": 0.25,
    },
}


@pytest.fixture
async def older(mongodb_uri: str, mongodb_name: str) -> AsyncIterator[Any]:
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(mongodb_uri)
    yield client[mongodb_name]
    await client.drop_database(mongodb_name)
    client.close()


class Import:
    """Runs the import into a SQLite history, and reads that."""

    def __init__(self, folder: Path, uri: str, name: str) -> None:
        self.settings = load_settings(env_file=None, data_dir=folder)
        self.uri = uri
        self.name: str | None = name
        self.notes = Console(record=True, width=200)

    async def run(self, collection: str | None = None) -> ImportOutcome:
        return await import_history(
            self.settings, self.uri, name=self.name, collection=collection, notes=self.notes
        )

    async def history(self, user_id: str = "alice") -> list[Detection]:
        database = SqliteDatabase(self.settings.stores.database_path)
        await database.open()
        repository = SqliteDetectionRepository(database)
        found = await records_of(repository, user_id)
        await database.close()
        return found


@pytest.fixture
def importing(tmp_path: Path, mongodb_uri: str, mongodb_name: str) -> Import:
    return Import(tmp_path, mongodb_uri, mongodb_name)


async def test_a_record_of_an_older_service_is_in_the_history(
    older: Any, importing: Import
) -> None:
    await older["results"].insert_one(dict(OLD))
    assert await importing.run() == ImportOutcome(imported=1, left_out=0)
    (detection,) = await importing.history()
    assert detection.detection_id == UUID(OLD["detection_id"])
    assert detection.timestamp == OLD["timestamp"]
    assert (detection.image_url, detection.storage) == (OLD["image_url"], StorageStatus.DONE)
    assert detection.processing_time_s == 0.25
    (face,) = detection.faces
    assert face.detection.box == BoundingBox(10, 20, 80, 90)
    assert face.reading.scores[Emotion.HAPPY] == pytest.approx(0.9)
    assert face.reading.reliable is False


async def test_repeating_the_import_makes_no_duplicates(older: Any, importing: Import) -> None:
    unnamed = {**OLD, "detection_id": "not a uuid"}
    await older["results"].insert_many([dict(OLD), unnamed])
    await importing.run()
    first = await importing.history()
    await importing.run()
    assert await importing.history() == first
    assert len(first) == 2


async def test_more_records_than_one_page_are_imported(older: Any, importing: Import) -> None:
    records = [{**OLD, "detection_id": str(UUID(int=number + 1))} for number in range(250)]
    await older["results"].insert_many(records)
    assert (await importing.run()).imported == 250
    assert len(await importing.history()) == 250


async def test_records_with_ids_of_several_types_are_imported(
    older: Any, importing: Import
) -> None:
    ids = [make(number) for make in (int, str, lambda _: ObjectId()) for number in range(70)]
    await older["detections"].insert_many(
        [OLD | {"_id": each, "detection_id": f"old {each}"} for each in ids]
    )
    assert (await importing.run()).imported == len(ids)


@pytest.mark.parametrize(
    "written",
    ["2025-03-04T05:06:07", "2025-03-04T05:06:07Z", 1741064767, datetime(2025, 3, 4, 5, 6, 7)],
)
async def test_timestamps_in_several_forms_are_read(
    older: Any, importing: Import, written: object
) -> None:
    await older["results"].insert_one({**OLD, "timestamp": written})
    await importing.run()
    assert [d.timestamp for d in await importing.history()] == [OLD["timestamp"]]


async def test_boxes_with_named_fields_are_read(older: Any, importing: Import) -> None:
    box = {"x": 10, "y": 20, "width": 80, "height": 90}
    face = {**OLD["detection_results"]["faces"][0], "box": box}
    await older["results"].insert_one({**OLD, "detection_results": {"faces": [face]}})
    await importing.run()
    (detection,) = await importing.history()
    assert detection.faces[0].detection.box == BoundingBox(10, 20, 80, 90)


async def test_records_without_faces_or_without_an_image_are_imported(
    older: Any, importing: Import
) -> None:
    await older["results"].insert_one(
        {**OLD, "image_url": None, "detection_results": {"faces": [], "face_detected": False}}
    )
    await importing.run()
    (detection,) = await importing.history()
    assert (detection.faces, detection.storage) == ((), StorageStatus.FAILED)


async def test_unreadable_records_are_named_and_left_out(older: Any, importing: Import) -> None:
    broken = ObjectId()
    await older["results"].insert_many(
        [dict(OLD), {**OLD, "_id": broken, "detection_id": "x", "timestamp": "yesterday"}]
    )
    assert await importing.run() == ImportOutcome(imported=1, left_out=1)
    assert f"results/{broken}" in importing.notes.export_text()


@pytest.mark.parametrize(
    "strange",
    [
        {"detection_results": {"faces": [], "processing_time": float("nan")}},
        {"detection_results": {"faces": [], "processing_time": -1.0}},
        {"filename": 7},
        {"image_url": {"secure_url": "https://example.com/a.jpg"}},
    ],
    ids=str,
)
async def test_records_with_invalid_values_are_left_out_and_the_others_imported(
    older: Any, importing: Import, strange: dict[str, Any]
) -> None:
    await older["results"].insert_many([{**OLD, "_id": 1, **strange}, {**OLD, "_id": 2}])
    assert await importing.run() == ImportOutcome(imported=1, left_out=1)
    assert "results/1" in importing.notes.export_text()


async def test_the_same_id_of_two_users_makes_two_records(older: Any, importing: Import) -> None:
    records = [{**OLD, "detection_id": "1", "user_id": user} for user in ("alice", "bob")]
    await older["results"].insert_many(records)
    assert (await importing.run()).imported == 2
    assert len(await importing.history("alice")) == len(await importing.history("bob")) == 1


async def test_other_collections_are_ignored(older: Any, importing: Import) -> None:
    await older["users"].insert_one({"user_id": "alice", "email": "alice@example.com"})
    await older["a"].insert_one(dict(OLD))
    await older["b"].insert_one({**OLD, "detection_id": str(UUID(int=7))})
    assert (await importing.run()).imported == 2
    assert (await importing.run("b")).imported == 1
    assert await older["users"].count_documents({}) == 1


async def test_the_older_database_is_not_changed(older: Any, importing: Import) -> None:
    await older["results"].insert_one(dict(OLD))
    await importing.run()
    assert await older.list_collection_names() == ["results"]
    assert list(await older["results"].index_information()) == ["_id_"]


async def test_a_malformed_address_is_reported_without_its_password(
    importing: Import,
) -> None:
    importing.uri, importing.name = "mongodb://alice:hu[sh@host/emotions", None
    with pytest.raises(StoreUnavailable, match="malformed") as refused:
        await importing.run()
    assert "sh@" not in f"{refused.value} {refused.value.__cause__}"


async def test_a_silent_server_is_reported(importing: Import) -> None:
    importing.uri = "mongodb://127.0.0.1:9/"
    with pytest.raises(StoreUnavailable):
        await importing.run()


@pytest.mark.parametrize("way", ["stdin", "environment"])
def test_the_address_can_be_given_without_the_command_line(tmp_path: Path, way: str) -> None:
    secret = "mongodb://me:hush-hush@127.0.0.1:9/old"
    done = subprocess.run(
        [sys.executable, "-m", "entrypoints.cli", "import", *(["--from", "-"] * (way == "stdin"))],
        cwd=tmp_path,
        env={
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(Path(__file__).parents[3]),
            "MONGODB_TIMEOUT_S": "0.2",
            **({"IMPORT_MONGODB_URI": secret} if way == "environment" else {}),
        },
        input=secret + "\n" if way == "stdin" else "",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    assert "the database does not answer" in done.stderr
    assert "hush" not in done.stdout + done.stderr


def test_an_import_from_nowhere_says_what_is_needed(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "entrypoints.cli", "import"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    assert "mongodb://localhost:27017" in done.stderr
