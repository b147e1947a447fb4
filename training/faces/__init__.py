"""How the bundled face detector was made."""
