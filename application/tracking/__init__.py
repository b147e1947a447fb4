"""Faces through the frames of a session or video: tracks, smoothed scores, and the journal."""
