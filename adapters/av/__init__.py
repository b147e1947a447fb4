"""Video files, read with FFmpeg by way of PyAV."""

from adapters.av.video_reader import AvVideoReader

__all__ = ["AvVideoReader"]
