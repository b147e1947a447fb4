"""The images that are kept for a user."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from litestar import Response, get
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath, QueryParameter

from application.accounts.links import LinkSignature
from application.ports.image_store import StoredImage
from application.use_cases.show_image import ShowImage
from domain.formats import NOT_SHOWN_IN_WORDS
from entrypoints.http import operations
from entrypoints.http.authentication import LINK_HOLDERS, UserRequest, signed_in
from entrypoints.http.errors import problems
from entrypoints.http.media_urls import image_path
from entrypoints.settings import Settings
from entrypoints.wire.conditional_requests import is_held


async def signed_in_or_linked(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    """A guard for users and for links, whose signature is checked later."""
    if "signature" not in connection.query_params:
        await signed_in(connection, handler)


@get(
    "/images/{detection_id:uuid}",
    operation_id="get_image",
    tags=["history"],
    summary="Show an image",
    guards=[signed_in_or_linked],
    security=LINK_HOLDERS,
    operation_class=operations.image_file,
    media_type="image/*",
    responses={
        200: operations.answer(
            bytes, f"The image as it was uploaded; {NOT_SHOWN_IN_WORDS} as JPEG", "image/*"
        ),
        304: operations.answer(None, "Unchanged (`If-None-Match`)"),
        **problems(
            "invalid_request",
            "not_authenticated",
            "invalid_token",
            "invalid_link",
            "not_found",
            "overloaded",
            "store_unavailable",
        ),
    },
)
async def get_image(
    request: UserRequest,
    detection_id: FromPath[UUID],
    settings: NamedDependency[Settings],
    show_image: NamedDependency[ShowImage],
    expires: Annotated[str | None, QueryParameter(description="When the link expires.")] = None,
    signature: Annotated[
        str | None,
        QueryParameter(description="The signature of the link; with it no token is needed."),
    ] = None,
) -> Response[bytes]:
    """Send an image to its owner, and to everybody with the link of an `image_url`."""

    async def read() -> StoredImage:
        if signature is None:
            return await show_image.own(request.user, detection_id)
        path = image_path(settings.server.images_path, detection_id)
        link = LinkSignature(expires or "", signature)
        return await show_image.linked(path, link, detection_id)

    # An image never changes, but may be erased, so browsers have to ask each time.
    etag = f'"{detection_id.hex}"'
    headers = {
        "ETag": etag,
        "Cache-Control": "private, no-cache",
        "Vary": "Authorization",
        # Pages of other origins may show it: having the link is enough.
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    if is_held(request.headers, etag):
        await read()  # It may have been erased.
        return Response(b"", status_code=304, headers=headers)
    # Nobody knows who uses a link: requests for one image count as those of one sender.
    sender = request.user.sender if signature is None else str(detection_id)
    image = await show_image.for_browsers(read, sender=sender)
    headers["Content-Disposition"] = "inline"
    headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return Response(image.data, media_type=image.media_type, headers=headers)
