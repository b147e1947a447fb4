"""The page to try the service on: HTML, CSS and modules under ``static``, and their routes."""
