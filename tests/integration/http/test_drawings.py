"""Drawings of records, for their owner only."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from adapters.in_memory import fake_image
from domain.detection import Detection
from domain.emotion import Emotion
from domain.session import SessionSummary

UNKNOWN = "00000000-0000-4000-8000-000000000000"


async def kept_session(service, client) -> str:
    """A session without a face in the history of this client's user."""
    about = (await client.get("/auth/profile")).json()
    summary = SessionSummary(
        session_id="s",
        video_source="Webcam",
        started_at=datetime(2026, 5, 4, 12, tzinfo=UTC),
        duration_s=3.0,
        frames_received=0,
        frames_processed=0,
        frames_failed=0,
        frames_dropped=0,
        mean_processing_time_s=0,
        width=0,
        height=0,
        tracks=(),
    )
    record = Detection.of_summary(uuid4(), about["user_id"], summary)
    await service.container.stores().spooler().accept(record, None)
    return str(record.detection_id)


async def test_an_image_is_drawn_with_its_faces(service):
    alice = await service.signed_in()
    detection_id = await service.stored(alice)
    answer = await alice.get(f"/api/history/{detection_id}/annotated")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["Cache-Control"] == "no-store"
    boxes = ((10, 20, 100, 120), Emotion.HAPPY), ((300, 40, 80, 80), Emotion.SAD)
    assert answer.content == fake_image(*boxes)


async def test_a_session_is_drawn_as_a_timeline(service):
    alice = await service.signed_in()
    detection_id = await kept_session(service, alice)
    answer = await alice.get(f"/api/history/{detection_id}/timeline.svg")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("image/svg+xml")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.text.startswith("<svg")
    assert "Webcam, 2026-05-04 12:00 UTC, 0:03" in answer.text


async def test_an_image_has_no_timeline_and_a_session_no_image(service):
    alice = await service.signed_in()
    photograph = await service.stored(alice)
    session = await kept_session(service, alice)
    for path in (f"{photograph}/timeline.svg", f"{session}/annotated"):
        answer = await alice.get(f"/api/history/{path}")
        assert answer.status_code == 404
        assert answer.json()["code"] == "not_found"


@pytest.mark.parametrize("picture", ["annotated", "timeline.svg"])
async def test_drawings_are_for_their_owner_only(service, picture):
    alice, bob = await service.signed_in(), await service.signed_in("bob@example.com")
    guest = await service.client()
    detection_id = await service.stored(alice)
    path = f"/api/history/{detection_id}/{picture}"
    assert (await bob.get(path)).status_code == 403
    assert (await guest.get(path)).status_code == 401
    assert (await alice.get(f"/api/history/{UNKNOWN}/{picture}")).status_code == 404
