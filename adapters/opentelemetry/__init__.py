"""Traces for an OpenTelemetry collector, of which nothing tells who sent what."""

from adapters.opentelemetry.telemetry import TracedTelemetry
from adapters.opentelemetry.tracing import Tracing

__all__ = ["TracedTelemetry", "Tracing"]
