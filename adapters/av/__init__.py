"""Video files, read and written with FFmpeg by way of PyAV."""

from adapters.av.video_annotator import AvVideoAnnotator
from adapters.av.video_reader import AvVideoReader

__all__ = ["AvVideoAnnotator", "AvVideoReader"]
