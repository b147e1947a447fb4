"""Measurements in Prometheus' form."""
