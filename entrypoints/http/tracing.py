"""A span for every request, by Litestar's own plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litestar.enums import ScopeType
from litestar.types import Message, Scope

if TYPE_CHECKING:
    from litestar.plugins.opentelemetry import OpenTelemetryPlugin
    from opentelemetry.trace import TracerProvider

_NOT_WORTH_A_SPAN = ["^/healthz$", "^/readyz$", "^/metrics$", "^/assets/", "^/web/"]


def tracing_plugin(provider: TracerProvider) -> OpenTelemetryPlugin:
    """The plugin, which hands its spans to this provider.

    Args:
        provider: must not export what libraries add to spans.
    """
    from litestar.plugins.opentelemetry import OpenTelemetryConfig, OpenTelemetryPlugin
    from opentelemetry.metrics import NoOpMeterProvider

    return OpenTelemetryPlugin(
        OpenTelemetryConfig(
            tracer_provider=provider,
            meter_provider=NoOpMeterProvider(),  # Prometheus has these already
            scope_span_details_extractor=_before_routing,
            scopes={ScopeType.HTTP},
            exclude=_NOT_WORTH_A_SPAN,
            exclude_spans=["receive", "send"],
        )
    )


async def name_span(message: Message, scope: Scope) -> None:
    """Name the request's span by its route once that is known: a path holds ids."""
    if message["type"] == "http.response.start":
        from opentelemetry import trace

        span = trace.get_current_span()
        route = str(scope.get("path_template", "(none)"))
        span.update_name(f"{scope.get('method', '')} {route}")
        span.set_attribute("http.route", route)


def _before_routing(scope: Scope) -> tuple[str, dict[str, Any]]:
    return str(scope.get("method", "")), {}
