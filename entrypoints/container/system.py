"""Parts for all topics: the clock, metrics and traces."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from dependency_injector import containers, providers

from adapters.prometheus.telemetry import PrometheusTelemetry
from adapters.system.clock import SystemClock
from application.ports.telemetry import Telemetry
from entrypoints.container.extras import extra
from entrypoints.settings import Settings
from entrypoints.settings.tracing import TracingSettings

if TYPE_CHECKING:
    from adapters.opentelemetry import Tracing


def _tracing(settings: TracingSettings) -> Tracing | None:
    """Traces, where a collector is named."""
    if settings.otel_exporter_otlp_endpoint is None:
        return None
    with extra("otel", "OTEL_EXPORTER_OTLP_ENDPOINT needs"):
        from adapters.opentelemetry import Tracing
    return Tracing(
        endpoint=settings.otel_exporter_otlp_endpoint,
        headers=settings.otlp_headers,
        service_name=settings.otel_service_name,
        version=version("emotion-api"),
        ratio=settings.otel_traces_sampler_arg,
    )


def _telemetry(metrics: PrometheusTelemetry, tracing: Tracing | None) -> Telemetry:
    if tracing is None:
        return metrics
    from adapters.opentelemetry import TracedTelemetry

    return TracedTelemetry(metrics, tracing.tracer)


class SystemContainer(containers.DeclarativeContainer):
    """Clock and telemetry."""

    settings = providers.Dependency(instance_of=Settings)
    config = settings.provided.tracing

    clock = providers.Singleton(SystemClock)
    metrics = providers.Singleton(PrometheusTelemetry)
    tracing: providers.Provider[Tracing | None] = providers.Singleton(_tracing, config)
    telemetry: providers.Provider[Telemetry] = providers.Singleton(_telemetry, metrics, tracing)
