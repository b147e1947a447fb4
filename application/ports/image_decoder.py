"""From bytes to pixels."""

from __future__ import annotations

from typing import Protocol

from application.work import Priority
from domain.image import Image


class ImageDecoder(Protocol):
    """Decodes the formats in ``READ_FORMATS``, told by content alone.

    Of several frames or pages the first counts. An image whose pixels can all be read is read,
    whatever its metadata are like and whatever lies behind it.
    """

    async def decode(
        self, data: bytes, *, priority: Priority = Priority.INTERACTIVE, sender: str = ""
    ) -> Image:
        """Decode one image, EXIF orientation applied.

        The number of pixels is read from the header before anything is decoded, and so is what
        that will cost. Large images may come back at reduced scale (``Image.scale``). What all
        decoded images hold together is bounded: this waits until there is room.

        Args:
            data: the encoded image.
            priority: decides who goes first.
            sender: whose image it is, so that nobody who sends many keeps others waiting; empty
                where nobody is told apart.

        Raises:
            InvalidImage: empty, truncated, of an unsupported kind, or not an image at all.
            ImageDimensionsTooLarge: the header announces more pixels than allowed.
            ImageTooCostly: decoding takes more memory or time than one image may take.
        """
        ...
