"""Drawing faces over the frames of a video: boxes, and labels that never overlap."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from domain.emotion import EMOTION_COLOURS
from domain.geometry import BoundingBox
from domain.label_layout import Size, lay_labels
from domain.stream import TrackedFace
from domain.wording import leading, percent

# The text depends on the number of faces alone: a label that says more in one frame than in the
# next would flicker.
_MOST_WITH_SCORE, _MOST_WITH_WORD = 4, 12
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def draw_faces(pixels: NDArray[np.uint8], faces: Sequence[TrackedFace]) -> None:
    """Draw each face's box and label.

    Args:
        pixels: uint8 (height, width, 3), RGB; changed in place.
        faces: boxes in these pixels.
    """
    height, width = pixels.shape[:2]
    line_px = max(round(min(width, height) / 240), 2)
    for face in faces:
        box = face.track.box
        corners = (box.x, box.y), (box.right, box.bottom)
        cv2.rectangle(pixels, *corners, (0, 0, 0), line_px + 2)
        cv2.rectangle(pixels, *corners, _color(face), line_px)
    for face, (text, place) in zip(faces, labels_of(faces, (width, height)), strict=True):
        if place is not None:
            _draw_label(pixels, place, text, _color(face), line_px)


def labels_of(faces: Sequence[TrackedFace], size: Size) -> list[tuple[str, BoundingBox | None]]:
    """The text of each face's label and its place; None where there is no room.

    Args:
        faces: boxes in the pixels of the frame.
        size: width and height of the frame.
    """
    line_px = max(round(min(size) / 240), 2)
    texts = [_text(face, len(faces)) for face in faces]
    layout = lay_labels(
        [face.track.box for face in faces], [_size_of(text, line_px) for text in texts], size
    )
    return list(zip(texts, layout.places, strict=True))


def _text(face: TrackedFace, count: int) -> str:
    text = str(face.track.number)
    scores = face.reading.scores
    if count <= _MOST_WITH_WORD:
        text += f" {leading(scores)}{'' if face.reading.reliable else '?'}"
    if count <= _MOST_WITH_SCORE:
        text += f" {percent(scores.ranked()[0][1])}"
    return text


def _draw_label(
    pixels: NDArray[np.uint8],
    place: BoundingBox,
    text: str,
    color: tuple[int, int, int],
    line_px: int,
) -> None:
    corners = (place.x, place.y), (place.right - 1, place.bottom - 1)
    cv2.rectangle(pixels, *corners, color, cv2.FILLED)
    (across, up), _ = cv2.getTextSize(text, _FONT, *_weight(line_px))
    at = place.x + (place.width - across) // 2, place.y + (place.height + up) // 2
    scale, thickness = _weight(line_px)
    cv2.putText(pixels, text, at, _FONT, scale, (0, 0, 0), thickness, cv2.LINE_AA)


def _size_of(text: str, line_px: int) -> Size:
    (across, up), below = cv2.getTextSize(text, _FONT, *_weight(line_px))
    return across + 2 * line_px, up + below + 2 * line_px


def _weight(line_px: int) -> tuple[float, int]:
    return max(line_px * 0.22, 0.45), max(line_px // 2, 1)


def _color(face: TrackedFace) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(EMOTION_COLOURS[face.dominant_emotion][1:])
    return red, green, blue
