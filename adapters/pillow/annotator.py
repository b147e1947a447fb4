"""Boxes and labels drawn over an image."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from adapters.inference.executor import WorkExecutor
from application.ports.image_annotator import ANNOTATED_FORMATS
from application.ports.image_decoder import ImageDecoder
from application.work.priority import Priority
from domain.emotion import EMOTION_COLOURS, Emotion
from domain.face import Face
from domain.geometry import BoundingBox, Size
from domain.image import Image
from domain.label_layout import Layout, lay_labels
from domain.wording import counted, leading, percent

_Font = ImageFont.ImageFont | ImageFont.FreeTypeFont

_FORMATS = {each.media_type: each.name for each in ANNOTATED_FORMATS}


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
        """Draw each face's box and label; see the port."""
        image = await self._decoder.decode(data, priority=priority)
        return await self._executor.run(_annotate, image, faces, media_type, priority=priority)


def _annotate(image: Image, faces: Sequence[Face], media_type: str) -> bytes:
    assert isinstance(image.pixels, np.ndarray)
    canvas = PillowImage.fromarray(image.pixels)
    draw = ImageDraw.Draw(canvas)
    # Sizes scale with the image, so that labels are readable in small and large ones.
    line_px = max(2, round(max(canvas.size) / 400))
    font = ImageFont.load_default(size=max(12, round(max(canvas.size) / 60)))
    boxes = [face.detection.box.scaled(image.scale, image.scale) for face in faces]
    for face, box in zip(faces, boxes, strict=True):
        _draw_box(draw, box, EMOTION_COLOURS[face.dominant_emotion], line_px)
    texts, layout = _lay_out(draw, font, faces, boxes, canvas.size)
    for face, text, label_box in zip(faces, texts, layout.label_boxes, strict=True):
        if label_box is not None:
            _draw_label(draw, font, label_box, text, EMOTION_COLOURS[face.dominant_emotion])
    if texts and texts[0] == "1":
        used = [*boxes, *(label_box for label_box in layout.label_boxes if label_box)]
        _draw_key(draw, font, faces, used, canvas.size)
    out = io.BytesIO()
    canvas.save(out, _FORMATS[media_type], quality=92)
    return out.getvalue()


def _draw_box(draw: ImageDraw.ImageDraw, box: BoundingBox, colour: str, line_px: int) -> None:
    edges = (box.x, box.y, box.right, box.bottom)
    width = min(line_px, max(1, box.shorter_side // 12))  # A small face stays visible.
    draw.rectangle(edges, outline="black", width=width + 2)
    draw.rectangle(edges, outline=colour, width=width)


def _lay_out(
    draw: ImageDraw.ImageDraw,
    font: _Font,
    faces: Sequence[Face],
    boxes: Sequence[BoundingBox],
    size: Size,
) -> tuple[list[str], Layout]:
    """Use the longest labels that fit without covering a face; numbers lie on their boxes."""
    must_be_clear = len(faces) > 1
    for texts in (_full_texts(faces), _short_texts(faces)):
        sizes = [_size_of(draw, font, text) for text in texts]
        layout = lay_labels(boxes, sizes, size, must_be_clear=must_be_clear)
        if layout.is_clear or not must_be_clear:
            return texts, layout
    texts = [str(number) for number in range(1, len(faces) + 1)]
    sizes = [_size_of(draw, font, text) for text in texts]
    return texts, lay_labels(boxes, sizes, size, at_corners=True)


def _full_texts(faces: Sequence[Face]) -> list[str]:
    return [
        f"{text} {percent(face.reading.scores[face.dominant_emotion])}"
        for text, face in zip(_short_texts(faces), faces, strict=True)
    ]


def _short_texts(faces: Sequence[Face]) -> list[str]:
    """The numbers are the same as in the table and the JSON; a single face needs none."""
    words = [
        f"{leading(face.reading.scores)}{'' if face.reading.reliable else '?'}" for face in faces
    ]
    return words if len(words) == 1 else [f"{at} {word}" for at, word in enumerate(words, start=1)]


def _draw_key(
    draw: ImageDraw.ImageDraw,
    font: _Font,
    faces: Sequence[Face],
    used: Sequence[BoundingBox],
    size: Size,
) -> None:
    """Draw a key of the colours ("11 happy", "3 neutral") in the emptiest corner."""
    entries = [
        (f"{number} {word}", EMOTION_COLOURS[Emotion(word)]) for word, number in counted(faces)
    ]
    sizes = [_size_of(draw, font, text) for text, _ in entries]
    width, height = max(each[0] for each in sizes), sizes[0][1]
    tall = height * len(entries)
    corners = [
        BoundingBox(x, y, width, tall)
        for y in (size[1] - tall, 0)
        for x in (0, size[0] - width)
        if x >= 0 and y >= 0
    ]
    if not corners:
        return
    key = min(corners, key=lambda corner: sum(corner.intersection_area(each) for each in used))
    for row, (text, colour) in enumerate(entries):
        _draw_label(
            draw, font, BoundingBox(key.x, key.y + row * height, width, height), text, colour
        )


def _draw_label(
    draw: ImageDraw.ImageDraw, font: _Font, label_box: BoundingBox, text: str, colour: str
) -> None:
    edges = (label_box.x, label_box.y, label_box.right - 1, label_box.bottom - 1)
    draw.rectangle(edges, fill=colour, outline="black")
    middle = (label_box.x + label_box.width / 2, label_box.y + label_box.height / 2)
    draw.text(middle, text, fill="black", font=font, anchor="mm")


def _size_of(draw: ImageDraw.ImageDraw, font: _Font, text: str) -> Size:
    left, _, right, _ = draw.textbbox((0, 0), text, font=font, anchor="mm")
    _, top, _, bottom = draw.textbbox((0, 0), "0gh", font=font, anchor="mm")
    tall = round(bottom - top)
    return round(right - left) + max(6, tall // 2), tall + max(4, tall // 3)
