"""The form of log lines, and writing them without blocking the event loop."""
