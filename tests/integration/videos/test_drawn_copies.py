"""Drawn copies of videos."""

from pathlib import Path

import av
import numpy as np

from adapters.av.video_annotator import AvVideoAnnotator
from tests import clips
from tests.unit.videos.crowds import crowd


async def test_boxes_keep_their_place_where_frames_become_smaller(tmp_path: Path) -> None:
    large = [(n / 10, np.full((192, 320, 3), 90, np.uint8)) for n in range(5)]
    small = [(time_s + 0.5, picture[::2, ::2]) for time_s, picture in large]
    clip = clips.write_clip_of_call(tmp_path / "call.webm", large, small)
    (face,) = crowd(1)  # happy, and so yellow; 70 pixels wide, at the left, 40 from the top
    copy = tmp_path / "drawn.mp4"
    await AvVideoAnnotator().annotate(clip, copy, lambda _: [face], lambda _: None)
    with av.open(str(copy)) as drawn:
        *_, last = drawn.decode(video=0)
    pixels = last.to_ndarray(format="rgb24").astype(int)
    assert pixels.shape == (192, 320, 3)
    yellow = pixels[60:100, :, 0] - pixels[60:100, :, 2] > 80
    assert yellow[:, 66:76].any(axis=1).all(), "the right edge of the box"
    assert not yellow[:, 10:60].any(), "nothing within it"
