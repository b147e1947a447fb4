"""Telemetry that also makes spans."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace

from application.ports.telemetry import Event, FrameOutcome, Stage, Telemetry


class TracedTelemetry:
    """Fulfils ``Telemetry`` by passing everything on, and makes a span for each stage and frame.

    Args:
        inner: takes the measurements.
        tracer: makes the spans.
    """

    def __init__(self, inner: Telemetry, tracer: trace.Tracer) -> None:
        self._inner = inner
        self._tracer = tracer

    @contextmanager
    def stage(self, stage: Stage) -> Iterator[None]:
        """Time the block, and make a span for it in the trace of its request or frame."""
        # It may start on the event loop and end on a thread, so it is not made the current span.
        span = self._tracer.start_span(stage)
        with self._inner.stage(stage), _ending(span):
            yield

    @contextmanager
    def frame(self, waited_s: float) -> Iterator[None]:
        """Make a span that starts when the frame arrived."""
        span = self._tracer.start_span("frame", start_time=time.time_ns() - round(waited_s * 1e9))
        with (
            self._inner.frame(waited_s),
            _ending(span),
            trace.use_span(span, record_exception=False, set_status_on_exception=False),
        ):
            yield

    def count(self, event: Event, times: int = 1) -> None:
        """Count an event; the number of faces is added to the span of their image."""
        if event == "face_read":
            trace.get_current_span().set_attribute("emotion.image.faces", times)
        self._inner.count(event, times)

    def frame_done(self, outcome: FrameOutcome, latency_s: float | None = None) -> None:
        """Count the frame, and add its outcome to the span."""
        span = trace.get_current_span()
        span.set_attribute("emotion.frame.outcome", outcome)
        if latency_s is not None:
            span.set_attribute("emotion.frame.latency_s", latency_s)
        self._inner.frame_done(outcome, latency_s)

    def circuit(self, part: str, *, is_open: bool) -> None:
        """Show the state of the part's circuit breaker."""
        self._inner.circuit(part, is_open=is_open)


@contextmanager
def _ending(span: trace.Span) -> Iterator[None]:
    """End the span with the block; the type of an error is recorded, but not its message."""
    try:
        yield
    except Exception as error:
        span.set_attribute("error.type", type(error).__qualname__)
        span.set_status(trace.StatusCode.ERROR)
        raise
    finally:
        span.end()
