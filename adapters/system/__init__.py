"""Parts provided by the operating system."""
