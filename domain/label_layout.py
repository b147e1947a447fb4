"""The layout of labels: beside their boxes, or on a corner of them, and never over one another.

Another face is covered, or nearer than a label's own, only if there is no other place. The rules
are those of the page's ``label-layout.js``, in pixels of the image.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import hypot, sqrt

from domain.geometry import BoundingBox, Size

_GAP = 1 / 6  # between a label and its box, in heights of the label
_STEP, _STEPS = 1 / 2, 7  # how far from the box places are tried
_COVERING = 4.0  # the cost of covering a face, relative to distance from the box
_STRAYING = 2.0  # the cost of standing by another box, in heights of the label
_CLEARLY = 1.25  # A label belongs to its box if it is this many times farther from every other.


@dataclass(frozen=True, slots=True)
class Layout:
    """Places of labels.

    Attributes:
        label_boxes: in the order of the boxes; None if there is no room.
        is_clear: whether every label has a place at its own box and covers no face.
    """

    label_boxes: tuple[BoundingBox | None, ...]
    is_clear: bool


def lay_labels(
    boxes: Sequence[BoundingBox],
    labels: Sequence[Size],
    area: Size,
    *,
    at_corners: bool = False,
    must_be_clear: bool = False,
) -> Layout:
    """Place a label for each box.

    Args:
        boxes: of the faces.
        labels: their sizes, in the order of the boxes.
        area: of the image; no label leaves it.
        at_corners: whether labels lie on the corners of their boxes, as short ones may.
        must_be_clear: whether to give up where not all have a clear place.
    """
    label_boxes: list[BoundingBox | None] = [None] * len(boxes)
    is_clear = True
    candidates = _on_corners if at_corners else _candidates
    for index in sorted(range(len(boxes)), key=lambda each: (boxes[each].y, boxes[each].x)):
        others = [box for at, box in enumerate(boxes) if at != index]
        best, best_cost, best_is_faultless = None, float("inf"), False
        for place, distance in candidates(boxes[index], labels[index]):
            if distance > best_cost:
                break  # They come in order of distance.
            taken = any(other and place.intersection_area(other) for other in label_boxes)
            if taken or not _is_within(place, area):
                continue
            cost, is_faultless = _judge(place, boxes[index], others, at_corners)
            if distance + cost < best_cost:
                best, best_cost, best_is_faultless = place, distance + cost, is_faultless
        label_boxes[index] = best
        is_clear = is_clear and best_is_faultless
        if must_be_clear and not is_clear:
            break
    return Layout(tuple(label_boxes), is_clear)


def _judge(
    place: BoundingBox, box: BoundingBox, others: Sequence[BoundingBox], at_corner: bool
) -> tuple[float, bool]:
    """What a place costs besides its distance, and whether it has no fault."""
    covered = sum(place.intersection_area(other) for other in others)
    own = place.intersection_area(box)
    # A number may lie on its face, as long as much of that is left.
    hidden = place.height * own / box.area if at_corner else _COVERING * own / sqrt(place.area)
    is_stray = not _belongs(place, box, others)
    cost = hidden + _COVERING * covered / sqrt(place.area) + is_stray * _STRAYING * place.height
    return cost, not is_stray and not covered and (at_corner or not own)


def _belongs(place: BoundingBox, box: BoundingBox, others: Sequence[BoundingBox]) -> bool:
    """Whether nobody would take a label for that of another box."""
    own = _distance(place, box)
    return all(_distance(place, other) >= _CLEARLY * own for other in others)


def _distance(label: BoundingBox, box: BoundingBox) -> float:
    """How far the middle of a label is from a box, in pixels."""
    middle = label.centre
    return hypot(
        max(box.x - middle.x, 0, middle.x - box.right),
        max(box.y - middle.y, 0, middle.y - box.bottom),
    )


def _candidates(box: BoundingBox, label: Size) -> Iterator[tuple[BoundingBox, float]]:
    """Places for one label with their distance: around the box, farther out, then within it."""
    for step in range(_STEPS):
        yield from _around(box, label, step * _STEP * label[1])
    for place in _within(box, label):
        yield place, 0.0


def _on_corners(box: BoundingBox, label: Size) -> Iterator[tuple[BoundingBox, float]]:
    """The same for a label on a corner, the upper ones first: across the edge, or inside."""
    inside = _within(box, label)
    for distance, corners, out in ((0.0, inside[:2], -1), (2.0, inside[2:], 1)):
        for place in corners:
            yield replace(place, y=place.y + out * (label[1] // 2)), distance
        for place in corners:
            yield place, distance + 1
    for place, distance in _candidates(box, label):
        yield place, distance + label[1] / 2


def _within(box: BoundingBox, label: Size) -> list[BoundingBox]:
    """In the corners of a box, the upper ones first."""
    width, height = label
    return [
        BoundingBox(x, y, width, height)
        for y in (box.y, box.bottom - height)
        for x in (box.x, box.right - width)
    ]


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
