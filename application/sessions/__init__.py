"""Live sessions: their frames, tracks, adaptation and journal, and the tasks that watch over
them.
"""
