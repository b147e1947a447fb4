"""Traces for an OpenTelemetry collector, without personal data."""

from adapters.opentelemetry.telemetry import TracedTelemetry
from adapters.opentelemetry.tracing import Tracing

__all__ = ["TracedTelemetry", "Tracing"]
