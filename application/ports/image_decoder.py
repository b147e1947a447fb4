"""From bytes to pixels."""

from __future__ import annotations

from typing import Protocol

from application.work.priority import Priority
from domain.image import Image


class ImageDecoder(Protocol):
    """Decodes the formats in ``IMAGE_FORMATS_IN_WORDS``, recognised by content.

    Of several frames or pages the first counts. An image whose pixels can all be read is read,
    whatever its metadata are and whatever follows it in the file.
    """

    async def decode(
        self, data: bytes, *, priority: Priority = Priority.INTERACTIVE, sender: str = ""
    ) -> Image:
        """Decode one image, EXIF orientation applied.

        The number of pixels and the cost of decoding are read from the header before anything is
        decoded. Large images may come back at reduced scale (``Image.scale``). The memory of all
        decoded images together is bounded: this waits until there is room.

        Args:
            data: the encoded image.
            priority: decides who goes first.
            sender: of the image, so that a sender of many images does not keep others waiting;
                empty if senders are not distinguished.

        Raises:
            InvalidImage: empty, truncated, in an unsupported format, or not an image at all.
            ImageDimensionsTooLarge: the header announces more pixels than allowed.
            ImageTooCostly: decoding takes more memory or time than one image may take.
            InferenceUnavailable: there is not enough memory now, or the service is shutting down.
        """
        ...
