"""The service over HTTP: each handler parses, calls one use case and presents what it returns."""
