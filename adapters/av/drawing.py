"""Drawing faces over the frames of a video: boxes, and labels that never overlap."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from domain.emotion import EMOTION_COLOURS
from domain.geometry import BoundingBox, Size
from domain.label_layout import lay_labels
from domain.session import TrackedFace
from domain.wording import leading, percent

# What a label says depends only on how many faces the frame has: if it depended on the room beside
# each face, labels would flicker from frame to frame.
_MAX_FACES_WITH_SCORE, _MAX_FACES_WITH_WORD = 4, 12
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def draw_faces(pixels: NDArray[np.uint8], faces: Sequence[TrackedFace]) -> None:
    """Draw each face's box and label.

    Args:
        pixels: of the frame; uint8 (height, width, 3), RGB; changed in place.
        faces: of the frame; their boxes are in its pixels.
    """
    height, width = pixels.shape[:2]
    line_px = _line_px((width, height))
    for face in faces:
        box = face.track.box
        corners = (box.x, box.y), (box.right, box.bottom)
        cv2.rectangle(pixels, *corners, (0, 0, 0), line_px + 2)
        cv2.rectangle(pixels, *corners, _colour(face), line_px)
    for face, (text, label_box) in zip(faces, labels_of(faces, (width, height)), strict=True):
        if label_box is not None:
            _draw_label(pixels, label_box, text, _colour(face), line_px)


def labels_of(faces: Sequence[TrackedFace], size: Size) -> list[tuple[str, BoundingBox | None]]:
    """The label of each face: its text, and its place in the frame; None if there is no room.

    Args:
        faces: of the frame; their boxes are in its pixels.
        size: width and height of the frame, in pixels.
    """
    line_px = _line_px(size)
    texts = [_text(face, len(faces)) for face in faces]
    layout = lay_labels(
        [face.track.box for face in faces],
        [_size_of(text, line_px) for text in texts],
        size,
        at_corners=len(faces) > _MAX_FACES_WITH_WORD,
    )
    return list(zip(texts, layout.label_boxes, strict=True))


def _line_px(size: Size) -> int:
    return max(round(min(size) / 240), 2)


def _text(face: TrackedFace, faces_in_frame: int) -> str:
    text = str(face.track.number)
    scores = face.reading.scores
    if faces_in_frame <= _MAX_FACES_WITH_WORD:
        text += f" {leading(scores)}{'' if face.reading.reliable else '?'}"
    if faces_in_frame <= _MAX_FACES_WITH_SCORE:
        text += f" {percent(scores.ranked()[0][1])}"
    return text


def _draw_label(
    pixels: NDArray[np.uint8],
    label_box: BoundingBox,
    text: str,
    colour: tuple[int, int, int],
    line_px: int,
) -> None:
    corners = (label_box.x, label_box.y), (label_box.right - 1, label_box.bottom - 1)
    cv2.rectangle(pixels, *corners, colour, cv2.FILLED)
    scale, thickness = _font_size(line_px)
    (width, ascent), _ = cv2.getTextSize(text, _FONT, scale, thickness)
    left = label_box.x + (label_box.width - width) // 2
    baseline = left, label_box.y + (label_box.height + ascent) // 2
    cv2.putText(pixels, text, baseline, _FONT, scale, (0, 0, 0), thickness, cv2.LINE_AA)


def _size_of(text: str, line_px: int) -> Size:
    (width, ascent), descent = cv2.getTextSize(text, _FONT, *_font_size(line_px))
    return width + 2 * line_px, ascent + descent + 2 * line_px


def _font_size(line_px: int) -> tuple[float, int]:
    """Scale and stroke thickness of the font, for boxes with lines of this thickness."""
    return max(line_px * 0.22, 0.45), max(line_px // 2, 1)


def _colour(face: TrackedFace) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(EMOTION_COLOURS[face.dominant_emotion][1:])
    return red, green, blue
