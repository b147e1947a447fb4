"""One process of the service: put together, started, greeted and stopped."""
