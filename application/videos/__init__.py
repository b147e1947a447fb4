"""Recorded video: what its frames show, and what remains of it all."""
