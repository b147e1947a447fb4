"""Reading video files and cameras, and writing videos, with PyAV (FFmpeg)."""
