"""Made-up answers of the service, with any number of faces."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from playwright.async_api import Page

EMOTIONS = ("happy", "neutral", "surprise", "sad", "angry", "fear", "disgust")


def face(
    box: Sequence[int], emotion: str, score: float = 0.9, reliable: bool = True
) -> dict[str, Any]:
    rest = [each for each in EMOTIONS if each != emotion]
    others = [(1 - score) * 0.7, *[(1 - score) * 0.3 / 5] * 5]
    scores = [(emotion, score), *zip(rest, others, strict=True)]
    return {
        "box": list(box),
        "emotions": [
            {"emotion": name, "score": each, "percentage": 100 * each} for name, each in scores
        ],
        "dominant_emotion": emotion,
        "detection_confidence": 0.93,
        "quality": {"sharpness": 80.0, "brightness": 0.5, "size_px": max(box[2:])},
        "reliable": reliable,
    }


def detection(boxes: Sequence[Sequence[int]], size: tuple[int, int]) -> dict[str, Any]:
    """Three of every four faces are happy; one is unreliable, and one has two close scores."""
    faces = [
        face(box, "neutral" if number % 4 == 3 else "happy", 0.97 - 0.01 * (number % 20))
        for number, box in enumerate(boxes)
    ]
    if len(boxes) > 5:
        faces[4] = face(boxes[4], "happy", 0.55, reliable=False)
        faces[5] = face(boxes[5], "happy", 0.43)
    return {
        "detection_id": str(uuid4()),
        "kind": "image",
        "user_id": "guest:1",
        "timestamp": "2026-05-04T12:00:00Z",
        "filename": "crowd.jpg",
        "image_url": None,
        "pictures": None,
        "detection_results": {
            "faces": faces,
            "face_detected": bool(faces),
            "processing_time": 0.12,
        },
        "image": {"width": size[0], "height": size[1]},
        "stream": None,
    }


async def answer_with(page: Page, answer: dict[str, Any]) -> None:
    """Answer the next photos with these detections."""
    await page.route("**/api/detect", lambda route: route.fulfill(json=answer))
