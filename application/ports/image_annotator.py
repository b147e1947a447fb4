"""Drawing faces over an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from application.work.priority import Priority
from domain.face import Face
from domain.formats import JPEG, PNG, WEBP

ANNOTATED_FORMATS = (JPEG, PNG, WEBP)
"""What can be written."""


class ImageAnnotator(Protocol):
    """Draws boxes and emotions over a copy of an image."""

    async def annotate(
        self,
        data: bytes,
        faces: Sequence[Face],
        *,
        media_type: str = "image/jpeg",
        priority: Priority = Priority.INTERACTIVE,
    ) -> bytes:
        """Draw each face's box, and beside it its number, emotion and score.

        Labels never overlap. Where there are too many faces for words, each gets only its number,
        its place in ``faces`` from 1 on, and a key names the colours.

        Args:
            data: the encoded image the faces were found in.
            faces: boxes in its pixels, EXIF orientation applied; may be empty.
            media_type: of what comes back; of one of ``ANNOTATED_FORMATS``.
            priority: decides the order when processors are busy.

        Returns:
            An image of the size that the decoder works at: the image's own, unless that is very
            large. Each emotion is shown by its word as well as by its colour.

        Raises:
            InvalidImage, ImageDimensionsTooLarge, ImageTooCostly: see ``ImageDecoder.decode``.
        """
        ...
