import math

import pytest

from domain.image import Image


@pytest.mark.parametrize(("width", "height"), [(0, 10), (10, 0), (-1, 10)])
def test_an_image_without_pixels_is_refused(width: int, height: int) -> None:
    with pytest.raises(ValueError, match="positive size"):
        Image(b"", width, height, "image/png")


@pytest.mark.parametrize("scale", [0.0, -0.5, 1.5, math.nan])
def test_a_scale_outside_zero_to_one_is_refused(scale: float) -> None:
    with pytest.raises(ValueError, match="scale"):
        Image(b"", 10, 10, "image/png", scale=scale)


def test_an_image_is_at_full_scale_unless_told_otherwise() -> None:
    assert Image(b"", 10, 10, "image/png").scale == 1
