"""Boxes and emotion labels drawn over a photograph."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from adapters.inference.executor import WorkExecutor
from application.ports.image_decoder import ImageDecoder
from application.work import Priority
from domain.emotion import Emotion
from domain.face import Face
from domain.geometry import BoundingBox
from domain.image import Image

# The palette of Okabe and Ito (2008, "Color Universal Design"), which people with any common form
# of colour blindness can tell apart. Neutral takes grey, the one colour without a mood.
EMOTION_COLORS: dict[Emotion, str] = {
    Emotion.HAPPY: "#F0E442",
    Emotion.SAD: "#56B4E9",
    Emotion.ANGRY: "#D55E00",
    Emotion.DISGUST: "#009E73",
    Emotion.FEAR: "#CC79A7",
    Emotion.SURPRISE: "#E69F00",
    Emotion.NEUTRAL: "#BBBBBB",
}

_FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}


class PillowImageAnnotator:
    """Fulfils ``ImageAnnotator``."""

    def __init__(self, *, executor: WorkExecutor, decoder: ImageDecoder) -> None:
        self._executor = executor
        self._decoder = decoder

    async def annotate(
        self,
        data: bytes,
        faces: Sequence[Face],
        *,
        media_type: str = "image/jpeg",
        priority: Priority = Priority.INTERACTIVE,
    ) -> bytes:
        """Draw each face's box, dominant emotion and score; see the port."""
        image = await self._decoder.decode(data, priority=priority)
        return await self._executor.run(_annotate, image, faces, media_type, priority=priority)


def _annotate(image: Image, faces: Sequence[Face], media_type: str) -> bytes:
    assert isinstance(image.pixels, np.ndarray)
    picture = PillowImage.fromarray(image.pixels)
    draw = ImageDraw.Draw(picture)
    # Sizes follow the picture, so that labels can be read on a thumbnail and on a poster.
    line_px = max(2, round(max(picture.size) / 400))
    font = ImageFont.load_default(size=max(12, round(max(picture.size) / 55)))
    taken: list[BoundingBox] = []
    for face in sorted(faces, key=lambda face: face.detection.box.y):
        box = _scaled(face.detection.box, image.scale)
        color = EMOTION_COLORS[face.dominant_emotion]
        draw.rectangle((box.x, box.y, box.right, box.bottom), outline="black", width=line_px + 2)
        draw.rectangle((box.x, box.y, box.right, box.bottom), outline=color, width=line_px)
        label = _place_label(draw, font, _text(face), box, picture.size, taken)
        taken.append(label)
        draw.rectangle((label.x, label.y, label.right, label.bottom), fill=color)
        middle = (label.x + label.width / 2, label.y + label.height / 2)
        draw.text(middle, _text(face), fill="black", font=font, anchor="mm")
    out = io.BytesIO()
    picture.save(out, _FORMATS[media_type], quality=92)
    return out.getvalue()


def _scaled(box: BoundingBox, scale: float) -> BoundingBox:
    x, y, width, height = (round(side * scale) for side in (box.x, box.y, box.width, box.height))
    return BoundingBox(x, y, max(width, 1), max(height, 1))


def _text(face: Face) -> str:
    doubt = "" if face.reading.reliable else " ?"
    return f"{face.dominant_emotion} {face.reading.scores[face.dominant_emotion]:.0%}{doubt}"


def _place_label(
    draw: ImageDraw.ImageDraw,
    font: ImageFont.ImageFont | ImageFont.FreeTypeFont,
    text: str,
    face: BoundingBox,
    size: tuple[int, int],
    taken: Sequence[BoundingBox],
) -> BoundingBox:
    """Find room above, below or inside the face's box that no other label has."""
    left, top, right, bottom = draw.textbbox((0, 0), text, font=font, anchor="mm")
    width, height = round(right - left) + 10, round(bottom - top) + 10
    x = max(0, min(face.x, size[0] - width))
    options = [
        BoundingBox(x, y, width, height)
        for y in (face.y - height, face.bottom, face.y, face.bottom - height)
        if 0 <= y <= size[1] - height
    ] or [BoundingBox(x, 0, width, height)]
    return min(options, key=lambda option: sum(option.intersection_area(t) for t in taken))
