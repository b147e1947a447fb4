import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.geometry import BoundingBox, Point

positions = st.integers(-10_000, 10_000)
lengths = st.integers(1, 10_000)
boxes = st.builds(BoundingBox, positions, positions, lengths, lengths)


@pytest.mark.parametrize(("width", "height"), [(0, 5), (5, 0), (-3, 5), (5, -1)])
def test_a_box_without_a_positive_size_is_refused(width: int, height: int) -> None:
    with pytest.raises(ValueError, match="positive size"):
        BoundingBox(0, 0, width, height)


@given(boxes)
def test_edges_area_and_centre_agree_with_each_other(box: BoundingBox) -> None:
    assert (box.right - box.x) * (box.bottom - box.y) == box.area
    assert box.shorter_side in (box.width, box.height)
    assert box.shorter_side * box.longer_side == box.area
    assert box.centre == Point((box.x + box.right) / 2, (box.y + box.bottom) / 2)


@given(boxes, boxes)
def test_overlap_is_symmetric_and_within_zero_and_one(a: BoundingBox, b: BoundingBox) -> None:
    assert a.intersection_area(b) == b.intersection_area(a)
    assert a.iou(b) == b.iou(a)
    assert 0 <= a.iou(b) <= 1
    assert a.intersection_area(b) <= min(a.area, b.area)


@given(boxes, boxes)
def test_overlap_is_whole_only_for_equal_boxes(a: BoundingBox, b: BoundingBox) -> None:
    assert a.iou(a) == 1
    assert (a.iou(b) == 1) == (a == b)


@given(boxes, boxes, positions, positions)
def test_overlap_does_not_depend_on_where_the_boxes_lie(
    a: BoundingBox, b: BoundingBox, dx: int, dy: int
) -> None:
    moved_a = BoundingBox(a.x + dx, a.y + dy, a.width, a.height)
    moved_b = BoundingBox(b.x + dx, b.y + dy, b.width, b.height)
    assert moved_a.iou(moved_b) == a.iou(b)


@given(boxes)
def test_boxes_that_only_touch_do_not_overlap(box: BoundingBox) -> None:
    neighbour = BoundingBox(box.right, box.y, box.width, box.height)
    assert box.iou(neighbour) == 0


def test_overlap_of_a_worked_example() -> None:
    # 10 x 10 each, 5 x 10 in common: 50 of 150.
    assert BoundingBox(0, 0, 10, 10).iou(BoundingBox(5, 0, 10, 10)) == pytest.approx(1 / 3)


@given(boxes, lengths, lengths)
def test_a_clipped_box_lies_inside_both_the_box_and_the_image(
    box: BoundingBox, width: int, height: int
) -> None:
    image = BoundingBox(0, 0, width, height)
    clipped = box.clipped_to(width, height)
    if clipped is None:
        assert box.intersection_area(image) == 0
        return
    assert clipped.x >= 0
    assert clipped.y >= 0
    assert clipped.right <= width
    assert clipped.bottom <= height
    assert clipped.area == box.intersection_area(image) == clipped.intersection_area(box)


@given(boxes, lengths, lengths)
def test_clipping_twice_changes_nothing_more(box: BoundingBox, width: int, height: int) -> None:
    clipped = box.clipped_to(width, height)
    if clipped is not None:
        assert clipped.clipped_to(width, height) == clipped


@given(st.data(), lengths, lengths)
def test_a_box_inside_the_image_is_left_alone(data: st.DataObject, width: int, height: int) -> None:
    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    box = BoundingBox(
        x, y, data.draw(st.integers(1, width - x)), data.draw(st.integers(1, height - y))
    )
    assert box.clipped_to(width, height) == box


def test_a_scaled_box_has_a_pixel_at_least() -> None:
    assert BoundingBox(10, 20, 3, 4).scaled(0.1, 0.05) == BoundingBox(1, 1, 1, 1)
