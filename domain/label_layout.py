"""The layout of labels: beside their boxes, and never over one another.

A face is covered only if there is no other place. The rules are those of the page's
``label-layout.js``, in pixels of the image.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt

from domain.geometry import BoundingBox, Size

_GAP = 1 / 6  # between a label and its box, in heights of the label
_STEP, _STEPS = 1 / 2, 7  # how far from the box places are tried
_COVERING = 4.0  # the cost of covering a face, relative to distance from the box


@dataclass(frozen=True, slots=True)
class Layout:
    """Places of labels.

    Attributes:
        label_boxes: in the order of the boxes; None if there is no room.
        covered: pixels of faces under labels.
    """

    label_boxes: tuple[BoundingBox | None, ...]
    covered: int

    @property
    def is_clear(self) -> bool:
        """Whether every label has a place and covers no face."""
        return self.covered == 0 and None not in self.label_boxes


def lay_labels(boxes: Sequence[BoundingBox], labels: Sequence[Size], area: Size) -> Layout:
    """Place a label for each box.

    Args:
        boxes: of the faces.
        labels: their sizes, in the order of the boxes.
        area: of the image; no label leaves it.
    """
    label_boxes: list[BoundingBox | None] = [None] * len(boxes)
    covered = 0
    for index in sorted(range(len(boxes)), key=lambda each: (boxes[each].y, boxes[each].x)):
        best, best_cost, best_covers = None, float("inf"), 0
        for place, distance in _candidates(boxes[index], labels[index]):
            if distance > best_cost:
                break  # They come in order of distance.
            taken = any(other and place.intersection_area(other) for other in label_boxes)
            if taken or not _is_within(place, area):
                continue
            covers = sum(place.intersection_area(box) for box in boxes)
            cost = distance + _COVERING * covers / sqrt(place.area)
            if cost < best_cost:
                best, best_cost, best_covers = place, cost, covers
        label_boxes[index] = best
        covered += best_covers
    return Layout(tuple(label_boxes), covered)


def _candidates(box: BoundingBox, label: Size) -> Iterator[tuple[BoundingBox, float]]:
    """Places for one label with their distance: around the box, farther out, then within it."""
    for step in range(_STEPS):
        yield from _around(box, label, step * _STEP * label[1])
    width, height = label
    for x in (box.x, box.right - width):
        for y in (box.y, box.bottom - height):
            yield BoundingBox(x, y, width, height), 0.0


def _around(box: BoundingBox, label: Size, away: float) -> Iterator[tuple[BoundingBox, float]]:
    width, height = label
    out = max(1, round(_GAP * height + away))
    columns = (box.x, box.x + (box.width - width) // 2, box.right - width)
    rows = (box.y, box.y + (box.height - height) // 2, box.bottom - height)
    above_and_below = (box.y - height - out, box.bottom + out)
    beside = (box.x - width - out, box.right + out)
    for y in above_and_below:
        for x in columns:
            yield BoundingBox(x, y, width, height), away
    for x in beside:
        for y in (*rows, *above_and_below):
            yield BoundingBox(x, y, width, height), away + 1


def _is_within(place: BoundingBox, area: Size) -> bool:
    return place.x >= 0 and place.y >= 0 and place.right <= area[0] and place.bottom <= area[1]
