"""Connections: their limits, and the delivery of every answer."""
