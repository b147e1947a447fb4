"""Cuts between scenes, and changes of light that are none."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from adapters.av.cuts import CutDetector


def scene(darkest: int, seed: int) -> NDArray[np.uint8]:
    shades = np.random.default_rng(seed).integers(darkest, darkest + 110, (9, 16, 3), np.uint8)
    return np.kron(shades, np.ones((20, 20, 1), np.uint8))


ROOM, STREET = scene(20, seed=1), scene(130, seed=2)
WHITE, BLACK = np.full_like(ROOM, 250), np.zeros_like(ROOM)


WALL = np.full_like(ROOM, 150)


def beside_wall(x: int) -> NDArray[np.uint8]:
    """Somebody dark in front of the wall."""
    picture = WALL.copy()
    picture[40:140, x : x + 80] = 40
    return picture


def dimmed(picture: NDArray[np.uint8], share: float) -> NDArray[np.uint8]:
    return np.asarray(picture * share, np.uint8)


def fading(picture: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    return [dimmed(picture, share) for share in (1, 0.7, 0.4, 0.2, 0)]


def dissolving(frames: int) -> list[NDArray[np.uint8]]:
    shares = np.linspace(0, 1, frames)
    return [np.asarray(ROOM * (1 - share) + STREET * share, np.uint8) for share in shares]


def panning(frames: int) -> list[NDArray[np.uint8]]:
    wide = np.concatenate([ROOM, STREET], axis=1)
    return [wide[:, left : left + 320] for left in np.linspace(0, 320, frames).astype(int)]


@pytest.mark.parametrize(
    ("pictures", "cuts"),
    [
        ([ROOM, STREET, ROOM], 2),
        ([ROOM, BLACK, STREET], 1),
        ([ROOM, *dissolving(6), STREET, STREET], 1),
        ([ROOM, *dissolving(3), STREET, STREET], 1),
        ([ROOM, *panning(9), STREET, STREET], 0),
        ([*fading(ROOM), *reversed(fading(STREET))], 1),
        ([*fading(ROOM), *reversed(fading(ROOM))], 0),
        ([ROOM, WHITE, ROOM], 0),
        ([ROOM, dimmed(ROOM, 0.35), ROOM], 0),
        ([beside_wall(20), WALL, beside_wall(220)], 0),
    ],
    ids=[
        "cuts",
        "slate",
        "dissolve",
        "short dissolve",
        "pan",
        "fade to another scene",
        "fade to the same",
        "flash",
        "lamp",
        "wall",
    ],
)
def test_scenes_are_counted(pictures: Sequence[NDArray[np.uint8]], cuts: int) -> None:
    detector = CutDetector(0.2)
    assert [detector.scene_of(picture) for picture in pictures][-1] == cuts
