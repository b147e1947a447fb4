"""Histories of large records: reading them takes no more memory than reading small ones."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.sqlite import SqliteDatabase, SqliteDetectionRepository
from domain.detection import Detection
from domain.emotion import Emotion
from tests.attacks.memory import PeakMemory
from tests.contract.samples import NOON, make_detection
from tests.e2e.service_process import ServiceProcess

RECORDS, FACES = 40, 500
AT_ONCE = 3
MOST_MB = 60
"""More than at rest. Half of these records take twice as much as objects, for one client."""


@pytest.fixture
async def sign_in(service: ServiceProcess) -> dict[str, object]:
    """A user whose history is of crowds."""
    sign_in = await service.sign_in()
    database = SqliteDatabase(service.folder / "data" / "emotion.sqlite3")
    await database.open()
    try:
        repository = SqliteDetectionRepository(database)
        async for record in crowds(sign_in["user"]["user_id"]):
            await repository.add(record)
    finally:
        await database.close()
    return sign_in


async def crowds(user_id: str) -> AsyncIterator[Detection]:
    faces = [list(Emotion)[number % len(Emotion)] for number in range(FACES)]
    for number in range(RECORDS):
        record = make_detection(*faces, user_id=user_id, timestamp=NOON - timedelta(number))
        yield replace(record, filename=f"{number}.jpg")


@pytest.mark.parametrize(
    ("path", "read"),
    [
        ("/api/history?limit=100", lambda answer: len(answer.json())),
        ("/api/history/export?format=json", lambda answer: len(answer.json())),
        ("/api/history/export?format=csv", lambda answer: answer.text.count("\r\n") // FACES),
    ],
)
async def test_a_history_of_crowds_is_never_whole_in_memory(
    service: ServiceProcess, memory: PeakMemory, sign_in, path, read
) -> None:
    before_mb = memory.peak_mb
    async with service.client(sign_in["access_token"]) as user:
        answers = await asyncio.gather(*(user.get(path) for _ in range(AT_ONCE)))
    assert [(answer.status_code, read(answer)) for answer in answers] == [(200, RECORDS)] * AT_ONCE
    assert memory.peak_mb - before_mb < MOST_MB
