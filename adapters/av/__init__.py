"""Video files and cameras, read with PyAV (FFmpeg)."""
