"""An image as it was sent, and a decoded one, opaque to the core."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """An image as it was sent, read when there is memory for it.

    Attributes:
        size_bytes: rather more than less where only reading it tells.
        read: returns the bytes; may raise ``DomainError``.
        filename: as the sender named it; None without a name.
    """

    size_bytes: int
    read: Callable[[], Awaitable[bytes]]
    filename: str | None = None

    @classmethod
    def of(cls, data: bytes, filename: str | None = None) -> EncodedImage:
        """An image that is in memory already."""

        async def read() -> bytes:
            return data

        return cls(len(data), read, filename)


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
