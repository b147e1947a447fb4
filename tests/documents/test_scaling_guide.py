"""docs/scaling.md, run as it is."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pymongo import MongoClient

from tests.documents.following import follow


def test_the_history_of_an_older_service_is_imported(
    tmp_path: Path, mongodb_uri: str, mongodb_name: str
) -> None:
    record: dict[str, Any] = {
        "detection_id": "0c6f5a52-3f0a-4d5e-9a55-1d8a6f1e2b3c",
        "user_id": "alice",
        "timestamp": datetime(2025, 5, 4, tzinfo=UTC),
        "image_url": None,
        "detection_results": {"faces": [], "face_detected": False, "processing_time": 0.1},
    }
    with MongoClient[dict[str, Any]](mongodb_uri) as client:
        client[mongodb_name]["detections"].insert_one(record)
    older = f"mongodb://{urlsplit(mongodb_uri).netloc}/{mongodb_name}?directConnection=true"
    printed = "mongodb://localhost:27017/emotion_detection"
    [said] = follow("docs/scaling.md", tmp_path, instead={printed: f"'{older}'"})
    assert "1 records are in the history, 0 were left out" in said
