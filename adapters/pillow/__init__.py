"""Drawing with Pillow, which includes a readable font."""
