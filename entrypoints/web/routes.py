"""Where the page and its files are served."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from entrypoints.http import schemas
from entrypoints.settings import Settings
from entrypoints.web.files import PageFile, load_page_files

# Nothing inline, nothing from elsewhere. Photographs and their thumbnails are blobs of the page.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def page_routes(settings: Settings) -> list[HTTPRouteHandler]:
    """The page at ``/`` and what it loads from ``/web/``."""
    files = load_page_files(settings)

    @get("/", operation_id="welcome", summary="Where to begin", tags=["service"])
    async def welcome(request: Request[Any, Any, Any]) -> Response[Any]:
        """Greet: a page to try the service on for browsers, and JSON for everything else."""
        if "text/html" in request.headers.get("accept", ""):
            return _send(request, files.index, vary="Accept, Accept-Encoding")
        greeting = schemas.Welcome(
            message="This service finds faces and reads their emotions.",
            docs="/docs",
            redoc="/redoc",
        )
        return Response(greeting, headers={"Vary": "Accept"})

    @get("/web/{name:path}", include_in_schema=False)
    async def page_file(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[bytes]:
        """Serve a file of the page."""
        file = files.others.get(name.lstrip("/"))
        if file is None:
            raise NotFoundException
        return _send(request, file, vary="Accept-Encoding")

    return [welcome, page_file]


def _send(request: Request[Any, Any, Any], file: PageFile, *, vary: str) -> Response[bytes]:
    # Asked for anew each time, so that a page never runs with modules of another version.
    etag = f'W/"{file.etag}"'
    # A 304 carries the policy too: its headers replace those a browser has kept.
    headers = {
        "ETag": etag,
        "Cache-Control": "no-cache",
        "Vary": vary,
        "Content-Security-Policy": _POLICY,
    }
    if request.headers.get("if-none-match") == etag:
        return Response(b"", status_code=304, headers=headers)
    data = file.data
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        data = file.compressed
    return Response(data, media_type=file.media_type, headers=headers)
