"""Histories of large records: reading them takes no more memory than reading small ones."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.in_memory import reading_of
from adapters.sqlite import SqliteDatabase, SqliteDetectionRepository
from domain.detection import Detection
from domain.emotion import Emotion, EmotionScores
from domain.face import FaceDetection
from domain.geometry import BoundingBox
from domain.session import SessionSummary, TimelineEntry, TrackSummary
from tests.attacks.memory import PeakMemory
from tests.e2e.service_process import ServiceProcess
from tests.samples import NOON, make_detection

RECORDS, FACES = 40, 500
AT_ONCE = 3
LONG_SESSIONS = 40
MAX_MB = 60
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
    assert memory.peak_mb - before_mb < MAX_MB


async def test_timelines_of_one_user_do_not_delay_those_of_another(
    service: ServiceProcess,
) -> None:
    paths, tokens = [], []
    for _ in range(2):
        sign_in = await service.sign_in()
        record = a_long_session(sign_in["user"]["user_id"])
        database = SqliteDatabase(service.folder / "data" / "emotion.sqlite3")
        await database.open()
        try:
            await SqliteDetectionRepository(database).add(record)
        finally:
            await database.close()
        paths.append(f"/api/history/{record.detection_id}/timeline.svg")
        tokens.append(sign_in["access_token"])
    async with service.client(tokens[0]) as busy, service.client(tokens[1]) as other:
        drawing = [asyncio.create_task(busy.get(paths[0])) for _ in range(LONG_SESSIONS)]
        await asyncio.wait(drawing, return_when=asyncio.FIRST_COMPLETED)
        assert (await other.get(paths[1])).status_code == 200
        done_before = sum(each.done() for each in drawing)
        assert {(await each).status_code for each in drawing} == {200}
    assert done_before < LONG_SESSIONS / 2


def a_long_session(user_id: str) -> Detection:
    """An hour of eight faces whose emotion changes every second."""
    found = FaceDetection(BoundingBox(10, 20, 80, 90), 0.9)
    emotions = list(Emotion)
    tracks = [
        TrackSummary(
            track_id=f"face_{number}",
            first_seen_s=0,
            last_seen_s=3600,
            frames=36_000,
            time_share=EmotionScores.from_weights(dict.fromkeys(Emotion, 1)),
            timeline=tuple(
                TimelineEntry(second, emotions[second % len(emotions)], 0.5)
                for second in range(3600)
            ),
            box=found.box,
            confidence=0.9,
            reading=reading_of(Emotion.HAPPY, found),
        )
        for number in range(8)
    ]
    summary = SessionSummary(
        session_id="s",
        video_source=None,
        started_at=NOON,
        duration_s=3600.0,
        frames_received=36_000,
        frames_processed=36_000,
        frames_failed=0,
        frames_dropped=0,
        mean_processing_time_s=0.02,
        width=640,
        height=480,
        tracks=tuple(tracks),
    )
    return replace(make_detection(user_id=user_id), filename=None, summary=summary)
