"""An OpenTelemetry collector that keeps received spans."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass
class Collector:
    """Takes OTLP over HTTP.

    Attributes:
        endpoint: for the service's settings.
        spans: all that were received.
        services: their service names.
        raw: the received bytes, to be searched for what must not be there.
        passwords: the headers "x-password" of the calls.
    """

    endpoint: str = ""
    spans: list[Span] = field(default_factory=list)
    services: set[str] = field(default_factory=set)
    raw: bytes = b""
    passwords: set[str] = field(default_factory=set)

    async def take(self, request: web.Request) -> web.Response:
        """Keep one batch."""
        body = await request.read()
        self.raw += body
        self.passwords.add(request.headers.get("x-password", ""))
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for attribute in resource.resource.attributes:
                if attribute.key == "service.name":
                    self.services.add(attribute.value.string_value)
            for scope in resource.scope_spans:
                self.spans += scope.spans
        return web.Response(content_type="application/x-protobuf")

    def named(self, name: str) -> list[Span]:
        """Every span of this name."""
        return [span for span in self.spans if span.name == name]

    def below(self, parent: Span) -> set[str]:
        """The names of the spans right below that one."""
        return {span.name for span in self.spans if span.parent_span_id == parent.span_id}


@asynccontextmanager
async def collector() -> AsyncIterator[Collector]:
    """A collector for the length of the block."""
    taken = Collector()
    app = web.Application(client_max_size=64 * 2**20)
    app.router.add_post("/v1/traces", taken.take)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    taken.endpoint = f"http://{host}:{port}"
    try:
        yield taken
    finally:
        await runner.cleanup()
