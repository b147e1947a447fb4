"""Points, sizes and boxes in pixels: origin top left, x to the right, y down."""

from __future__ import annotations

from dataclasses import dataclass

Size = tuple[int, int]
"""Width and height in pixels."""


@dataclass(frozen=True, slots=True)
class Point:
    """A position in pixels; fractions are allowed, and so are positions outside the image."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class BoundingBox:
    """An axis-aligned rectangle in whole pixels.

    Attributes:
        x: left edge.
        y: top edge.
        width: at least 1.
        height: at least 1.
    """

    x: int
    y: int
    width: int
    height: int

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError(f"a box needs a positive size, got {self.width} x {self.height}")

    @property
    def right(self) -> int:
        """The first column to the right of the box."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """The first row below the box."""
        return self.y + self.height

    @property
    def area(self) -> int:
        """Pixels inside."""
        return self.width * self.height

    @property
    def shorter_side(self) -> int:
        """The smaller of width and height, in pixels."""
        return min(self.width, self.height)

    @property
    def longer_side(self) -> int:
        """The larger of width and height, in pixels."""
        return max(self.width, self.height)

    @property
    def centre(self) -> Point:
        """The middle of the box."""
        return Point(self.x + self.width / 2, self.y + self.height / 2)

    def scaled(self, across: float, down: float) -> BoundingBox:
        """The box in an image scaled by these factors; at least one pixel wide and high."""
        left, top = round(self.x * across), round(self.y * down)
        right, bottom = round(self.right * across), round(self.bottom * down)
        return BoundingBox(left, top, max(right - left, 1), max(bottom - top, 1))

    def clipped_to(self, width: int, height: int) -> BoundingBox | None:
        """The part of the box inside an image of this size, or None if they do not meet."""
        left, top = max(self.x, 0), max(self.y, 0)
        right, bottom = min(self.right, width), min(self.bottom, height)
        if right <= left or bottom <= top:
            return None
        return BoundingBox(left, top, right - left, bottom - top)

    def intersection_area(self, other: BoundingBox) -> int:
        """Pixels that both boxes cover."""
        width = min(self.right, other.right) - max(self.x, other.x)
        height = min(self.bottom, other.bottom) - max(self.y, other.y)
        return max(width, 0) * max(height, 0)

    def iou(self, other: BoundingBox) -> float:
        """Intersection over union, in [0, 1]; 1 for equal boxes, 0 for disjoint ones."""
        intersection = self.intersection_area(other)
        return intersection / (self.area + other.area - intersection)
