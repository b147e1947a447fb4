"""Video files and cameras, read with PyAV (FFmpeg)."""

from adapters.av.camera import AvCamera
from adapters.av.video_annotator import AvVideoAnnotator
from adapters.av.video_reader import AvVideoReader

__all__ = ["AvCamera", "AvVideoAnnotator", "AvVideoReader"]
