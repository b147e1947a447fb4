"""Recorded video: the queue, the analysis of its frames, and its entry in the history."""
