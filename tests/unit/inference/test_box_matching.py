import numpy as np
from numpy.typing import NDArray

from adapters.inference.box_matching import IGNORED_FACE, NO_FACE, match_boxes


def at(*lefts: float) -> NDArray[np.float32]:
    """Boxes of 10 x 10 pixels beside one another."""
    return np.array([(x, 0, x + 10, 10) for x in lefts], np.float32).reshape(-1, 4)


def test_each_box_lies_on_the_face_that_it_overlaps_most() -> None:
    matches = match_boxes(at(21, 2), at(0, 20), at(), min_iou=0.5)
    assert matches.faces.tolist() == [1, 0]
    assert matches.ious.round(3).tolist() == [round(9 / 11, 3), round(8 / 12, 3)]


def test_a_second_box_on_a_face_is_false() -> None:
    assert match_boxes(at(0, 1), at(0), at(), min_iou=0.5).faces.tolist() == [0, NO_FACE]


def test_a_box_that_overlaps_too_little_is_false() -> None:
    assert match_boxes(at(4), at(0), at(), min_iou=0.5).faces.tolist() == [NO_FACE]
    assert match_boxes(at(4), at(0), at(), min_iou=0.4).faces.tolist() == [0]


def test_a_box_on_an_ignored_face_is_neither_right_nor_false() -> None:
    matches = match_boxes(at(0, 40, 90), at(0), at(0, 43), min_iou=0.5)
    assert matches.faces.tolist() == [0, IGNORED_FACE, NO_FACE]


def test_without_faces_every_box_is_false() -> None:
    assert match_boxes(at(0), at(), at(), min_iou=0.5).faces.tolist() == [NO_FACE]
    assert match_boxes(at(), at(0), at(), min_iou=0.5).faces.tolist() == []
