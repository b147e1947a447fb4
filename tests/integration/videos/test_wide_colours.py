"""HDR video, and other video with the wide colours of BT.2020."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from adapters.av.video_reader import AvVideoReader
from adapters.inference.executor import WorkExecutor
from tests import clips


async def shown(folder: Path, picture: clips.Picture, curve: int) -> NDArray[np.uint8]:
    """The pixels of a picture in a video that names BT.2020 and this colour curve."""
    clip = clips.write_clip(
        folder / "clip.mp4", [(0.0, picture)], pixel_format="yuv420p10le", colour_curve=curve
    )
    executor = WorkExecutor(1)
    async with AvVideoReader(executor=executor).open(clip) as video:
        (frame,) = [item async for item in video.frames(every_s=1)]
    executor.close()
    return np.asarray(frame.image.pixels)  # type: ignore[union-attr]


@pytest.mark.parametrize(("curve", "white"), [(16, 0.58), (18, 0.75)], ids=["PQ", "HLG"])
async def test_white_in_hdr_is_white(tmp_path: Path, curve: int, white: float) -> None:
    picture = np.full((96, 160, 3), round(255 * white), np.uint8)
    assert (await shown(tmp_path, picture, curve)).mean() > 230


async def test_wide_colours_are_not_pale(tmp_path: Path) -> None:
    """In BT.2020 these levels are the red of sRGB; grey is the same in both."""
    grey, red = np.full((96, 80, 3), 128, np.uint8), np.full((96, 80, 3), (202, 59, 19), np.uint8)
    pixels = await shown(tmp_path, np.hstack([grey, red]), 14)
    assert np.abs(pixels[:, :60].astype(int) - pixels[:, :60].mean()).max() <= 4
    assert pixels[:, 100:, 0].mean() > 245
    assert pixels[:, 100:, 1:].mean() < 25
