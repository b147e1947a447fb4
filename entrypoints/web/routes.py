"""Where the page and its files are served."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath

from application.use_cases.detect_emotions import DetectEmotions
from entrypoints.settings import Settings
from entrypoints.web.files import PageFile, load_page_files
from entrypoints.web.samples import SampleDetections
from entrypoints.wire import detections
from entrypoints.wire.conditional_requests import is_held
from entrypoints.wire.service import Welcome

# Nothing inline, and nothing from other origins. Images are blobs of the page.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "media-src 'self' blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; connect-src 'self'"
)


def page_routes(settings: Settings) -> list[HTTPRouteHandler]:
    """The page at ``/`` and what it loads from ``/web/``."""
    files = load_page_files(settings)
    samples = SampleDetections(files.samples)
    policy = _POLICY
    if settings.accounts.firebase_sign_in_address:
        firebase = urlsplit(settings.accounts.firebase_sign_in_address)
        policy += f" {firebase.scheme}://{firebase.netloc}"

    @get(
        "/",
        operation_id="welcome",
        summary="The page, or where the documentation is",
        tags=["service"],
        responses={
            200: ResponseSpec(
                data_container=Welcome,
                description="Where the documentation is; a page for browsers",
                generate_examples=False,
            )
        },
    )
    async def welcome(request: Request[Any, Any, Any]) -> Response[Any]:
        """Send the page to browsers, and JSON to everything else."""
        if is_browser(request):
            return _send(request, files.index, policy, vary="Accept, Accept-Encoding")
        greeting = Welcome(
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
        return _send(request, file, policy, vary="Accept-Encoding")

    @get("/samples/{name:str}", include_in_schema=False)
    async def sample(
        name: FromPath[str], detect_emotions: NamedDependency[DetectEmotions]
    ) -> detections.Detection:
        """Say what a sample of the page shows; nobody is charged, and nothing is stored."""
        try:
            detection = await samples.of(name, detect_emotions)
        except KeyError:
            raise NotFoundException from None
        return await asyncio.to_thread(detections.present, detection)

    return [welcome, page_file, sample]


def is_browser(request: Request[Any, Any, Any]) -> bool:
    """Whether the client wants a page and not JSON."""
    return "text/html" in request.headers.get("accept", "")


def _send(
    request: Request[Any, Any, Any], file: PageFile, policy: str, *, vary: str
) -> Response[bytes]:
    # Browsers ask each time, so that a page never loads modules of another version.
    etag = f'W/"{file.etag}"'
    # A 304 has the policy too: its headers replace those that a browser has kept.
    headers = {
        "ETag": etag,
        "Cache-Control": "no-cache",
        "Vary": vary,
        "Content-Security-Policy": policy,
    }
    if is_held(request.headers, etag):
        return Response(b"", status_code=304, headers=headers)
    data = file.data
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        data = file.compressed
    return Response(data, media_type=file.media_type, headers=headers)
