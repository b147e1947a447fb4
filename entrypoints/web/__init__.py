"""The page to try the service: HTML, CSS and modules under ``static``, and their routes."""
