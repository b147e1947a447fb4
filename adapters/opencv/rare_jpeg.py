"""Reading lossless JPEG, and JPEG with 12 bits a sample, by FFmpeg.

The other libraries refuse them, or get the colours of lossless ones wrong without an error.

FFmpeg writes messages to standard error and takes memory to load, so only the process of costly
images imports this.
"""

from __future__ import annotations

import av
import numpy as np
from numpy.typing import NDArray

from adapters.opencv.encoded import Damaged


def read(data: bytes) -> NDArray[np.uint8]:
    """The pixels in 8 bits a sample: uint8, height x width x 3, RGB.

    Raises:
        Damaged: the file cannot be read to its end.
    """
    codec = av.CodecContext.create("mjpeg", "r")
    codec.thread_count = 1
    codec.options = {"err_detect": "explode"}
    try:
        frames = [*codec.decode(av.Packet(data)), *codec.decode(None)]
    except av.error.FFmpegError as error:
        raise Damaged from error
    if not frames or frames[0].is_corrupt:
        raise Damaged
    return np.ascontiguousarray(frames[0].reformat(format="rgb24").to_ndarray())
