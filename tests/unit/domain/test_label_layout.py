"""The layout of labels in drawings."""

import random
from itertools import combinations

import pytest

from domain.geometry import BoundingBox
from domain.label_layout import lay_labels


def rows_of(columns: int, rows: int, step: int, side: int) -> list[BoundingBox]:
    return [
        BoundingBox(step * column + 20, step * row + 30, side, side)
        for row in range(rows)
        for column in range(columns)
    ]


def test_a_label_lies_over_its_box_where_there_is_room() -> None:
    box = BoundingBox(100, 100, 50, 50)
    [place] = lay_labels([box], [(40, 12)], (400, 300)).label_boxes
    assert place is not None
    assert place.x == box.x
    assert 0 <= box.y - place.bottom <= 4


def test_at_the_border_it_goes_where_it_stays_whole() -> None:
    layout = lay_labels([BoundingBox(0, 0, 50, 50)], [(40, 12)], (400, 300))
    assert layout.is_clear


@pytest.mark.parametrize("seed", range(5))
def test_labels_of_a_crowd_never_overlap(seed: int) -> None:
    chance = random.Random(seed)
    boxes = [
        BoundingBox(chance.randrange(370), chance.randrange(250), size, size)
        for size in chance.choices(range(12, 40), k=40)
    ]
    layout = lay_labels(boxes, [(18, 14)] * len(boxes), (390, 270))
    placed = [place for place in layout.label_boxes if place]
    assert len(placed) > 30
    assert all(not one.intersection_area(other) for one, other in combinations(placed, 2))
    assert all(place.clipped_to(390, 270) == place for place in placed)


def test_labels_that_would_cover_a_face_are_detected() -> None:
    boxes = rows_of(6, 4, step=64, side=52)
    wide, narrow = [(140, 16)] * len(boxes), [(14, 7)] * len(boxes)
    assert not lay_labels(boxes, wide, (420, 310)).is_clear
    assert lay_labels(boxes, narrow, (420, 310)).is_clear


@pytest.mark.parametrize("step", [54, 60, 80])
def test_numbers_lie_on_the_corners_of_their_own_boxes_and_on_no_other(step: int) -> None:
    boxes = rows_of(6, 4, step=step, side=52)
    layout = lay_labels(boxes, [(18, 14)] * len(boxes), (600, 400), at_corners=True)
    for box, place in zip(boxes, layout.label_boxes, strict=True):
        assert place is not None
        assert [each for each in boxes if place.intersection_area(each)] == [box]


def test_a_label_between_two_boxes_is_no_clear_label() -> None:
    upper, lower = BoundingBox(10, 0, 50, 50), BoundingBox(10, 66, 50, 50)
    assert not lay_labels([upper, lower], [(50, 12), (50, 12)], (70, 116)).is_clear
    far = BoundingBox(10, 100, 50, 50)
    assert lay_labels([upper, far], [(50, 12), (50, 12)], (70, 170)).is_clear


def test_a_label_that_is_hardly_nearer_to_its_own_box_is_no_clear_label() -> None:
    upper, lower = BoundingBox(10, 0, 50, 50), BoundingBox(10, 67, 50, 50)
    layout = lay_labels([upper, lower], [(50, 12), (50, 12)], (70, 140))
    assert layout.label_boxes[0] == BoundingBox(10, 52, 50, 12)
    assert not layout.is_clear


def test_a_label_goes_farther_from_its_box_rather_than_stand_by_another() -> None:
    upper, lower = BoundingBox(10, 0, 50, 50), BoundingBox(10, 66, 50, 50)
    layout = lay_labels([upper, lower], [(50, 12), (50, 12)], (200, 140))
    place = layout.label_boxes[0]
    assert place is not None
    assert place.x > upper.right
    assert layout.is_clear


def test_labels_that_have_to_be_clear_are_given_up_only_where_one_is_not() -> None:
    boxes = rows_of(6, 4, step=64, side=52)
    wide, narrow = [(140, 16)] * len(boxes), [(14, 7)] * len(boxes)
    clear = lay_labels(boxes, narrow, (420, 310), must_be_clear=True)
    assert clear == lay_labels(boxes, narrow, (420, 310))
    given_up = lay_labels(boxes, wide, (420, 310), must_be_clear=True)
    assert not given_up.is_clear
    in_full = lay_labels(boxes, wide, (420, 310))
    assert given_up.label_boxes.count(None) > in_full.label_boxes.count(None)
