"""Faces drawn over the frames of a video."""

from itertools import combinations

import numpy as np
import pytest

from adapters.av.drawing import draw_faces, labels_of
from tests.unit.videos.crowds import SIZE, crowd


@pytest.mark.parametrize("count", [1, 4, 12, 60])
def test_labels_of_a_crowd_never_overlap(count: int) -> None:
    labels = labels_of(crowd(count), SIZE)
    places = [place for _, place in labels if place is not None]
    assert len(places) == count
    assert not [pair for pair in combinations(places, 2) if pair[0].intersection_area(pair[1])]
    assert all(place.x >= 0 and place.right <= SIZE[0] for place in places)


def test_few_faces_are_named_with_their_score_and_many_are_numbered() -> None:
    assert labels_of(crowd(1), SIZE)[0][0] == "1 happy 62%"
    assert labels_of(crowd(4), SIZE)[3][0] == "4 happy 62%"
    assert labels_of(crowd(5), SIZE)[4][0] == "5 happy"
    assert labels_of(crowd(12), SIZE)[11][0] == "12 happy"
    assert labels_of(crowd(13), SIZE)[12][0] == "13"


def test_boxes_and_labels_are_drawn() -> None:
    pixels = np.full((SIZE[1], SIZE[0], 3), 128, np.uint8)
    draw_faces(pixels, crowd(60))
    assert (pixels != 128).any(axis=2).mean() > 0.02
