"""The header of an image, read before anything is decoded, and the errors of images."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adapters.opencv.orientation import UPRIGHT
from domain.errors import ImageDimensionsTooLarge, ImageTooCostly
from domain.formats import FileFormat

FACTORS = (1, 2, 4, 8)
MEGABYTE = 2**20


class Damaged(Exception):
    """The image cannot be read; the message, where there is one, says why."""


class Truncated(Damaged):
    """Pixels are missing at the end."""


class Unsupported(Damaged):
    """The pixels are coded in a way that no library here reads; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodingLimits:
    """The limits for decoding one image.

    Attributes:
        max_pixels: width times height.
        working_side_px: images are made smaller by 2, 4 or 8 while the longer side keeps this.
        memory_bytes: besides what the process uses anyway.
        cpu_s: seconds of one processor.
    """

    max_pixels: int
    working_side_px: int = 2000
    memory_bytes: int
    cpu_s: float

    @property
    def max_result_bytes(self) -> int:
        """Bytes of the decoded pixels of the largest image, at reduced scale."""
        # The next factor applies as soon as the longer side is twice the working side.
        reduced = (2 * self.working_side_px) ** 2
        return 3 * max(min(self.max_pixels, reduced), self.max_pixels // max(FACTORS) ** 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header(ABC):
    """An image before it is decoded.

    Attributes:
        kind: of file.
        width: in pixels, as stored.
        height: likewise.
        orientation: by EXIF, 1 to 8.
        working_bytes: that decoding needs besides the resulting pixels.
        bytes_a_pixel: of the pixels as they are decoded.
        reduces_while_reading: whether skipped pixels take no memory.
        cpu_s: an estimate, in seconds.
        costs_most: what makes the image costly, for the message.
        needs_process: whether only the process of costly images may read it, because its library
            writes to standard error, which carries the log.
    """

    kind: FileFormat
    width: int
    height: int
    orientation: int = UPRIGHT
    working_bytes: int = 0
    bytes_a_pixel: int = 4
    reduces_while_reading: bool = False
    cpu_s: float = 0.0
    costs_most: str = "decoding it"
    needs_process: bool = False

    @abstractmethod
    def read(self, data: bytes, factor: int) -> NDArray[np.uint8]:
        """Decode the file at a scale of 1 / factor, orientation not applied.

        Returns:
            uint8, height x width x 3, RGB; transparent pixels blended with white.

        Raises:
            Truncated, Damaged: it cannot be read. Libraries may raise other errors too.
        """

    def factor(self, limits: DecodingLimits) -> int:
        """The factor by which the image is reduced."""
        longer = max(self.width, self.height)
        return max(f for f in FACTORS if f == 1 or longer >= f * limits.working_side_px)

    def result_bytes(self, limits: DecodingLimits) -> int:
        """Bytes of the resulting pixels."""
        factor = self.factor(limits)
        return 3 * ceil_div(self.width, factor) * ceil_div(self.height, factor)

    def memory_bytes(self, limits: DecodingLimits) -> int:
        """The peak memory of decoding in bytes, result included."""
        result = self.result_bytes(limits)
        if self.reduces_while_reading:
            return self.working_bytes + result
        whole = self.width * self.height * self.bytes_a_pixel
        return self.working_bytes + whole + (result if self.factor(limits) > 1 else 0)

    def check_size(self, limits: DecodingLimits) -> None:
        """Refuse an image with too many pixels.

        Raises:
            ImageDimensionsTooLarge: it has more than allowed.
        """
        if self.width * self.height > limits.max_pixels:
            raise ImageDimensionsTooLarge(
                f"the image has {self.width} x {self.height} pixels; "
                f"at most {limits.max_pixels / 1e6:g} megapixels are decoded",
                width=self.width,
                height=self.height,
                limit=limits.max_pixels,
            )

    def check_cost(self, limits: DecodingLimits) -> None:
        """Refuse an image that costs too much memory or time.

        Raises:
            ImageTooCostly: it does; the message says why.
        """
        memory = self.memory_bytes(limits)
        if memory > limits.memory_bytes:
            raise too_much_memory(limits, f"this {self.kind.name} needs {memory / MEGABYTE:.0f} MB")
        if self.cpu_s > limits.cpu_s:
            raise too_much_time(limits, f"{self.costs_most} would take {self.cpu_s:.0f} s")


def too_much_memory(limits: DecodingLimits, why: str) -> ImageTooCostly:
    """The error for an image that needs too much memory."""
    limit_mb = limits.memory_bytes / MEGABYTE
    return ImageTooCostly(
        f"decoding may take {limit_mb:g} MB of memory, and {why}; "
        "send it smaller, or as a plain JPEG",
        cost="memory",
        limit=limits.memory_bytes,
    )


def too_much_time(limits: DecodingLimits, why: str) -> ImageTooCostly:
    """The error for an image that takes too long."""
    return ImageTooCostly(
        f"decoding may take {limits.cpu_s:g} s, and {why}; send it smaller, or as a plain JPEG",
        cost="time",
        limit=limits.cpu_s,
    )


def ceil_div(length: int, factor: int) -> int:
    """Integer division, rounded up."""
    return -(-length // factor)
