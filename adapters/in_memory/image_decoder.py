"""Decodes fake images."""

from __future__ import annotations

from adapters.in_memory.controllable import Controllable
from adapters.in_memory.scene import Scene
from application.work.priority import Priority
from domain.errors import ImageDimensionsTooLarge, InvalidImage
from domain.image import Image


class InMemoryImageDecoder(Controllable):
    """Decodes images of ``fake_image``, and refuses everything else.

    Args:
        max_pixels: more than this are refused.
    """

    def __init__(self, *, max_pixels: int = 50_000_000) -> None:
        super().__init__()
        self._max_pixels = max_pixels

    async def decode(
        self, data: bytes, *, priority: Priority = Priority.INTERACTIVE, sender: str = ""
    ) -> Image:
        """Decode one image."""
        await self._wait_or_fail()
        try:
            scene = Scene.parse(data)
            image = Image(scene, scene.width, scene.height, scene.media_type)
        except ValueError as error:
            reason = "truncated" if data.startswith(b"image ") else "unsupported"
            raise InvalidImage("this is not an image, or it is truncated", reason=reason) from error
        if image.width * image.height > self._max_pixels:
            raise ImageDimensionsTooLarge(
                f"an image may have {self._max_pixels} pixels", limit=self._max_pixels
            )
        return image
