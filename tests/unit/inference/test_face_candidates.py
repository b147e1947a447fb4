import math

import numpy as np
import pytest
from numpy.typing import NDArray

from adapters.onnx.face_candidates import candidates_of

# 32 x 32 pixels: 16 cells at stride 8, 4 at stride 16.
SHAPE, STRIDES = (32, 32), (8, 16)


def cells(**found: tuple[float, float]) -> NDArray[np.float32]:
    """Blank cells, some with a confidence and half the side of a square box: `cell_5=(0.9, 4)`."""
    columns = np.zeros((15, 20), np.float32)
    columns[0] = -9
    for name, (confidence, reach) in found.items():
        cell = int(name.removeprefix("cell_"))
        columns[0, cell] = math.log(confidence / (1 - confidence))
        columns[1:5, cell] = math.log(reach / (8 if cell < 16 else 16))
    return columns


def test_boxes_lie_around_the_centres_of_their_cells() -> None:
    found = candidates_of(
        cells(cell_5=(0.9, 4), cell_19=(0.8, 8)), SHAPE, STRIDES, least=0.5, iou=0.4
    )
    assert found.boxes.round(3).tolist() == [[8, 8, 16, 16], [16, 16, 32, 32]]
    assert found.landmarks[:, 0].tolist() == [[12, 12], [24, 24]]
    assert found.confidences.tolist() == pytest.approx([0.9, 0.8])


def test_points_are_measured_in_strides() -> None:
    found_at = cells(cell_19=(0.8, 8))
    found_at[5:, 19] = 0.5
    found = candidates_of(found_at, SHAPE, STRIDES, least=0.5, iou=0.4)
    assert found.landmarks.tolist() == [[[32, 32]] * 5]


def test_of_boxes_on_the_same_place_the_likeliest_stays() -> None:
    found = candidates_of(
        cells(cell_5=(0.7, 20), cell_6=(0.9, 20)), SHAPE, STRIDES, least=0.5, iou=0.4
    )
    assert found.boxes.round(3).tolist() == [[0, -8, 40, 32]]


def test_less_likely_boxes_are_no_candidates() -> None:
    assert len(candidates_of(cells(cell_5=(0.4, 4)), SHAPE, STRIDES, least=0.5, iou=0.4)) == 0
