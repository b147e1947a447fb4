"""Live sessions: frames, adaptation, and the tasks that watch over them."""
