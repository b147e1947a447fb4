"""Checkpoints, faces and a hub."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.checkpoints import SIDE, write_checkpoint
from tests.servers.hub import HubDouble, hub_double


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny vision transformer with the seven labels."""
    return write_checkpoint(tmp_path_factory.mktemp("checkpoint") / "tiny-vit")


@pytest.fixture(scope="session")
def crops() -> NDArray[np.uint8]:
    """Crops as the tiny checkpoint reads them; no two alike."""
    rng = np.random.default_rng(3)
    levels = rng.integers(0, 256, (6, 4, 4, 3))
    picture = np.repeat(np.repeat(levels, SIDE // 4, axis=1), SIDE // 4, axis=2)
    return np.clip(picture + rng.normal(0, 20, picture.shape), 0, 255).astype(np.uint8)


@pytest.fixture
def hub() -> Iterator[HubDouble]:
    """A model hub on this machine."""
    with hub_double() as double:
        yield double
