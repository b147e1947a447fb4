"""The HTTP half of the service."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from importlib.metadata import version
from typing import Any

from litestar import Litestar, Request, Response, Router
from litestar.config.compression import CompressionConfig
from litestar.config.cors import CORSConfig
from litestar.datastructures import State
from litestar.enums import HttpMethod
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Tag

from domain.emotion import Emotion
from entrypoints.container import Container
from entrypoints.http.authentication import SECURITY_SCHEMES, send_guest_cookie
from entrypoints.http.body import BodyRequest
from entrypoints.http.controllers import docs, service
from entrypoints.http.controllers.auth import AuthController
from entrypoints.http.controllers.detect import detect_routes
from entrypoints.http.controllers.history import HistoryController
from entrypoints.http.controllers.images import get_image
from entrypoints.http.controllers.problems import describe_problem, list_problems
from entrypoints.http.controllers.videos import video_routes
from entrypoints.http.dependencies import dependencies
from entrypoints.http.errors import to_response
from entrypoints.http.forms import UploadMemory
from entrypoints.http.middleware import RequestMiddleware
from entrypoints.http.rate_limit import RATE_LIMIT_MEANINGS
from entrypoints.http.tracing import name_span, tracing_plugin
from entrypoints.web.routes import page_routes
from entrypoints.wire.limits import MAX_JSON_BYTES

# Answers with tokens are not compressed, because their length would give the tokens away (BREACH).
# Images gain nothing, events must not wait, and the files of the page are compressed already.
_NOT_WORTH_COMPRESSING = [
    "/auth/",
    "/detect",
    "/images/",
    "/annotated$",
    "/videos/[^/]+/(file|events)$",
    "/assets/",
    "^/web/",
    "^/$",
]
Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]


def create_http_app(container: Container, *, lifespan: Sequence[Lifespan] = ()) -> Litestar:
    """Make the HTTP application: routes, errors, headers and documentation.

    Args:
        container: wired; its providers are asked at each request, so overrides count.
        lifespan: what to hold open while the service runs.
    """
    settings = container.settings()
    registry = container.system().metrics().registry
    tracing = container.system().tracing()
    app = Litestar(
        route_handlers=[
            AuthController,
            *detect_routes(settings),
            *video_routes(settings),
            Router(
                settings.server.api_prefix,
                route_handlers=[HistoryController, get_image, service.get_model],
            ),
            service.healthz,
            service.readyz,
            service.metrics,
            *page_routes(settings),
            docs.redoc,
            docs.asset,
            list_problems,
            describe_problem,
        ],
        dependencies=dependencies(container),
        plugins=[] if tracing is None else [tracing_plugin(tracing.provider)],
        state=State({"container": container, "upload_memory": UploadMemory()}),
        lifespan=list(lifespan),
        request_class=BodyRequest,
        request_max_body_size=MAX_JSON_BYTES,
        exception_handlers={Exception: to_response},
        before_request=_answer_options,
        before_send=[send_guest_cookie, *([] if tracing is None else [name_span])],
        cors_config=_cors(settings.server.cors_origins),
        compression_config=CompressionConfig(
            "gzip", minimum_size=2048, gzip_compress_level=1, exclude=_NOT_WORTH_COMPRESSING
        ),
        openapi_config=_openapi(),
        logging_config=None,
    )
    app.asgi_handler = RequestMiddleware(app.asgi_handler, registry)
    return app


def _cors(origins: Iterable[str]) -> CORSConfig:
    return CORSConfig(
        allow_origins=list(origins),
        allow_credentials=True,
        # Also those that nothing takes, so that a page can read the 405.
        allow_methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
        # Clients add headers of their own, which do no harm.
        allow_headers=["*"],
        expose_headers=[
            "Retry-After",
            "X-Total-Count",
            "Link",
            "X-Request-ID",
            "Location",
            "Content-Disposition",
            *RATE_LIMIT_MEANINGS,
        ],
        max_age=600,
    )


def _openapi() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="Emotion API",
        version=version("emotion-api"),
        description=(
            f"Finds the faces in an image and says how likely each of {len(Emotion)} emotions is. "
            "Errors are `application/problem+json` and carry a stable `code`."
        ),
        openapi_router=docs.docs_router(),
        render_plugins=[docs.SwaggerUiPage(path="/"), docs.OpenApiDocument()],
        components=SECURITY_SCHEMES,
        use_handler_docstrings=True,
        tags=[
            Tag("detection", "Analysing images."),
            Tag("videos", "Analysing recorded video."),
            Tag("history", "What is kept for a signed-in user."),
            Tag("accounts", "Signing in, and the quota of guests."),
            Tag("service", "The state of the service."),
        ],
    )


async def _answer_options(request: Request[Any, Any, Any]) -> Response[None] | None:
    """Answer OPTIONS with the methods of the path, and no other request.

    Litestar's own answer lacks methods that several handlers of one controller add.
    """
    if request.method != HttpMethod.OPTIONS:
        return None
    template = request.scope["path_template"]
    methods = {
        method
        for route in request.app.routes
        if route.path_format == template
        for method in getattr(route, "methods", ())
    }
    return Response(None, status_code=204, headers={"Allow": ", ".join(sorted(methods))})
