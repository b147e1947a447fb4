"""The documentation pages: Swagger UI and ReDoc."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from litestar import Litestar, Request, Response, Router, get
from litestar.enums import MediaType
from litestar.exceptions import NotFoundException
from litestar.openapi.plugins import JsonRenderPlugin, OpenAPIRenderPlugin
from litestar.params import FromPath
from litestar.status_codes import HTTP_404_NOT_FOUND

# Large files are kept compressed; every browser accepts them.
_ASSETS = {
    "start-swagger-ui.js": "text/javascript",
    "swagger-ui.js.gz": "text/javascript",
    "swagger-ui.css.gz": "text/css",
    "redoc.js.gz": "text/javascript",
}
_TITLE = "Emotion API"


class SwaggerUiPage(OpenAPIRenderPlugin):
    """Swagger UI with files of this service, so that it works offline."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Render the page."""
        return _page(
            '<link rel="stylesheet" href="/docs/assets/swagger-ui.css.gz">',
            '<div id="swagger-ui"></div>'
            '<script src="/docs/assets/swagger-ui.js.gz"></script>'
            '<script src="/docs/assets/start-swagger-ui.js"></script>',
        )


class OpenApiDocument(JsonRenderPlugin):
    """The OpenAPI document, encoded once: every time it would take the event loop milliseconds."""

    _encoded: bytes | None = None

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Render the document."""
        if self._encoded is None:
            self._encoded = super().render(request, openapi_schema)
        return self._encoded


def prepare(app: Litestar) -> None:
    """Make the OpenAPI document.

    Litestar would make it during the first request for it, while all others wait.
    """
    plugin: Any = app.plugins.get("OpenAPIPlugin")
    plugin.provide_openapi_schema()


def docs_router() -> Router:
    """Where Litestar serves Swagger UI and the document; an unknown path is a problem as usual."""
    return Router(
        "/docs", route_handlers=[], include_in_schema=False, after_request=_unknown_is_a_problem
    )


async def _unknown_is_a_problem(response: Response[Any]) -> Response[Any]:
    if response.status_code == HTTP_404_NOT_FOUND:
        raise NotFoundException
    return response


@get("/redoc", include_in_schema=False, media_type=MediaType.HTML)
async def redoc() -> Response[bytes]:
    """Show the reference in ReDoc."""
    body = (
        '<redoc spec-url="/docs/openapi.json"></redoc>'
        '<script src="/docs/assets/redoc.js.gz"></script>'
    )
    return Response(_page("", body), media_type=MediaType.HTML)


@get("/docs/assets/{name:str}", include_in_schema=False, sync_to_thread=True)
def asset(name: FromPath[str]) -> Response[bytes]:
    """Serve a file of the pages above."""
    if name not in _ASSETS:
        raise NotFoundException
    headers = {"Cache-Control": "public, max-age=86400"}
    if name.endswith(".gz"):
        headers["Content-Encoding"] = "gzip"
    data = (files("entrypoints.http") / "assets" / name).read_bytes()
    return Response(data, media_type=_ASSETS[name], headers=headers)


def _page(head: str, body: str) -> bytes:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{_TITLE}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>body{{margin:0;font-family:system-ui,sans-serif}}main{{padding:2rem}}</style>{head}"
        f'<link rel="icon" href="data:,"></head><body>{body}</body></html>'
    ).encode()
