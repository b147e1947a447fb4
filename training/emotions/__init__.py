"""How the bundled emotion classifier was made."""
