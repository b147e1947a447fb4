"""From bytes to pixels."""

from __future__ import annotations

from typing import Protocol

from application.work import Priority
from domain.image import Image


class ImageDecoder(Protocol):
    """Decodes JPEG, PNG, GIF (first frame), WebP and BMP, told by content alone."""

    async def decode(self, data: bytes, *, priority: Priority = Priority.INTERACTIVE) -> Image:
        """Decode one image, EXIF orientation applied.

        The number of pixels is read from the header before anything is decoded. Large images may
        come back at reduced scale (``Image.scale``); memory for the pixels is bounded either way.

        Raises:
            InvalidImage: empty, truncated, of an unsupported kind, or not an image at all.
            ImageDimensionsTooLarge: the header announces more pixels than allowed.
        """
        ...
