"""A proxy between the service and an inference server that changes answers."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from adapters.circuit_breaker import CircuitBreaker
from adapters.open_inference import InferenceServer, OpenInferenceCropClassifier

Change = Callable[[Any], None]


@dataclass
class InferenceDouble:
    """Passes requests on to a server, and its answers back, possibly changed.

    Attributes:
        target: URL of the server.
        changes: applied to the JSON of answers, by the last word of the path.
        status: in place of the server's.
        body: in place of the server's.
        asked: number of requests by the last word of the path.
        traces: the trace contexts (W3C) of inference requests.
    """

    target: str
    changes: dict[str, Change] = field(default_factory=dict)
    status: int | None = None
    body: bytes | None = None
    asked: Counter[str] = field(default_factory=Counter)
    traces: list[str] = field(default_factory=list)
    url: str = ""

    def behave(self) -> None:
        """Stop changing answers."""
        self.changes.clear()
        self.status = self.body = None

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request."""
        word = request.path.rpartition("/")[2]
        self.asked[word] += 1
        if word == "infer" and "traceparent" in request.headers:
            self.traces.append(request.headers["traceparent"])
        async with (
            aiohttp.ClientSession(auto_decompress=True) as session,
            session.request(
                request.method,
                self.target + request.path,
                data=await request.read(),
                headers={k: v for k, v in request.headers.items() if k.lower() != "host"},
            ) as answer,
        ):
            body, status = await answer.read(), answer.status
            kept = {"Content-Type", "Inference-Header-Content-Length"}
            headers = {k: v for k, v in answer.headers.items() if k.title() in kept}
        if word in self.changes and status == 200:
            length = int(headers.pop("Inference-Header-Content-Length", len(body)))
            content, rest = json.loads(body[:length]), body[length:]
            self.changes[word](content)
            body = json.dumps(content).encode()
            if rest:
                headers["Inference-Header-Content-Length"] = str(len(body))
            body += rest
        return web.Response(
            status=self.status or status,
            body=body if self.body is None else self.body,
            headers=headers,
        )


@asynccontextmanager
async def inference_double(target: str) -> AsyncIterator[InferenceDouble]:
    """A double in front of that server, for the length of the block."""
    double = InferenceDouble(target)
    app = web.Application(client_max_size=64 * 2**20)
    app.router.add_route("*", "/{path:.*}", double.handle)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    double.url = f"http://{host}:{port}"
    try:
        yield double
    finally:
        await runner.cleanup()


def without_extensions(about: dict[str, Any]) -> None:
    """Speak the protocol without extensions, as MLServer does: JSON only, no labels."""
    about["extensions"] = []


def classifier_at(
    url: str,
    *,
    timeout_s: float = 30,
    breaker: CircuitBreaker | None = None,
    **options: Any,
) -> OpenInferenceCropClassifier:
    """The real adapter, connected to that server."""
    server = InferenceServer(
        url=url,
        timeout_s=timeout_s,
        connections=4,
        # Most tests make several failures in a row.
        breaker=breaker or CircuitBreaker("the inference server", failures=100),
    )
    return OpenInferenceCropClassifier(server=server, **{"model": "emotion"} | options)
