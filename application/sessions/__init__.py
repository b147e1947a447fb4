"""Live sessions: frames, tracks, adaptation, journal, and the tasks that watch over them."""
