"""A decoded image. The core passes it on and never looks inside."""

from __future__ import annotations

from dataclasses import dataclass

READ_FORMATS = "JPEG, PNG, GIF, WebP, BMP, AVIF, HEIC and TIFF"
"""The formats of images that are read, as answers and documents name them."""


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """An RGB pixel buffer, opaque to the core, with the size of the original.

    Attributes:
        pixels: what the decoder made: from OpenCV a uint8 array, height x width x 3, RGB.
            A large image may be decoded at reduced scale, so it can be smaller than the
            original.
        width: of the original in pixels, EXIF orientation applied. Every box is in these pixels.
        height: likewise.
        media_type: of the encoded original, by its content, for example ``image/jpeg``.
        scale: pixels of the buffer per original pixel, in (0, 1]; the same on both axes.
    """

    pixels: object
    width: int
    height: int
    media_type: str
    scale: float = 1.0

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError(f"an image needs a positive size, got {self.width} x {self.height}")
        if not 0 < self.scale <= 1:
            raise ValueError(f"scale must lie in (0, 1], got {self.scale}")
