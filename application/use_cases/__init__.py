"""What callers may do: a class for each change, and one per topic for what is read."""
