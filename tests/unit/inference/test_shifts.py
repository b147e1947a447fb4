"""Crops as other cameras and framings would have shown them."""

import numpy as np
import pytest
from numpy.typing import NDArray

from adapters.inference.shifts import SHIFTS, render


@pytest.fixture
def crops() -> NDArray[np.uint8]:
    """Three smooth grey crops, unlike each other."""
    down, across = np.mgrid[0:48, 0:48] / 48
    waves = [np.sin(speed * across) * np.cos(speed * down) for speed in (4, 7, 11)]
    return (127 + 100 * np.stack(waves))[..., np.newaxis].astype(np.uint8)


@pytest.mark.parametrize("shift", SHIFTS)
def test_a_shift_changes_crops_and_keeps_their_shape(shift: str, crops: NDArray[np.uint8]) -> None:
    for given in (crops, np.repeat(crops, 3, axis=3), crops[:, :40, :30]):
        rendered = render(given, shift)
        assert rendered.shape == given.shape
        assert rendered.dtype == np.uint8
        assert all((after != before).any() for after, before in zip(rendered, given, strict=True))


@pytest.mark.parametrize("shift", SHIFTS)
def test_the_same_seed_gives_the_same_renderings(shift: str, crops: NDArray[np.uint8]) -> None:
    assert (render(crops, shift, seed=3) == render(crops, shift, seed=3)).all()
    assert (render(crops, shift, seed=3) != render(crops, shift, seed=4)).any()


@pytest.mark.parametrize("shift", [name for name in SHIFTS if "cast" not in name])
def test_gray_in_three_channels_stays_gray_but_for_a_colour_cast(
    shift: str, crops: NDArray[np.uint8]
) -> None:
    rendered = render(np.repeat(crops, 3, axis=3), shift).astype(int)
    # A few levels for the noise of each channel and JPEG rounding.
    assert np.abs(rendered.max(axis=3) - rendered.min(axis=3)).max() < 20
