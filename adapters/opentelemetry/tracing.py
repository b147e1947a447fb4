"""Making spans and sending them by OTLP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

KEPT = frozenset(
    {
        "http.method",
        "http.request.method",
        "http.route",
        "http.status_code",
        "http.response.status_code",
        "error.type",
        "emotion.frame.latency_s",
        "emotion.frame.outcome",
        "emotion.image.faces",
    }
)
"""Attributes that may leave the process; all others are removed."""
_TIMEOUT_S = 5.0


class Tracing:
    """The spans of this process, sent to one collector.

    A thread of its own sends them in batches; while the collector does not answer, spans beyond a
    queue of 2,048 are dropped.

    Args:
        endpoint: of the collector, before ``/v1/traces``.
        headers: that the collector needs, for example for authentication.
        service_name: the service's name in the traces.
        version: of the service.
        ratio: the part of all traces that is recorded, from 0 to 1. Callers cannot raise it.
    """

    def __init__(
        self,
        *,
        endpoint: str,
        headers: Mapping[str, str],
        service_name: str,
        version: str,
        ratio: float,
    ) -> None:
        sampler = TraceIdRatioBased(ratio)
        self.provider = TracerProvider(
            sampler=ParentBased(sampler, remote_parent_sampled=sampler),
            # Without attributes from the environment or the machine.
            resource=Resource({"service.name": service_name, "service.version": version}),
            shutdown_on_exit=False,
        )
        exporter = OTLPSpanExporter(
            endpoint=f"{endpoint.rstrip('/')}/v1/traces", headers=headers, timeout=_TIMEOUT_S
        )
        self.provider.add_span_processor(BatchSpanProcessor(_PrivateExporter(exporter)))
        self.tracer = self.provider.get_tracer("emotion-api", version)

    def trace_headers(self) -> dict[str, str]:
        """The header that lets another service continue the trace of the current span (W3C)."""
        current = trace.get_current_span().get_span_context()
        if not current.is_valid:
            return {}
        return {
            "traceparent": f"00-{current.trace_id:032x}-{current.span_id:016x}"
            f"-{current.trace_flags:02x}"
        }

    def close(self) -> None:
        """Send the waiting spans, for a few seconds at most, and stop the thread."""
        self.provider.shutdown()


class _PrivateExporter(SpanExporter):
    """Exports spans with only their times, names, and allowed attributes.

    Newer versions of libraries may add attributes: addresses with signatures, messages of
    exceptions, names of files.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send the spans."""
        return self._exporter.export([_without_secrets(span) for span in spans])

    def shutdown(self) -> None:
        """End sending."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send the waiting spans."""
        return self._exporter.force_flush(timeout_millis)


def _without_secrets(span: ReadableSpan) -> ReadableSpan:
    attributes = span.attributes or {}
    return ReadableSpan(
        name=span.name,
        context=_without_state(span.context),
        parent=_without_state(span.parent),
        resource=span.resource,
        attributes={name: value for name, value in attributes.items() if name in KEPT},
        kind=span.kind,
        status=trace.Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _without_state(context: trace.SpanContext | None) -> trace.SpanContext | None:
    """The context without "tracestate", which callers control."""
    if context is None:
        return None
    return trace.SpanContext(
        context.trace_id, context.span_id, context.is_remote, context.trace_flags
    )
