"""The photographs kept for a user."""

from __future__ import annotations

from uuid import UUID

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath

from application.use_cases.history import ReadImage
from entrypoints.http.authentication import UserRequest, signed_in
from entrypoints.http.errors import problems
from entrypoints.http.operations import Picture
from entrypoints.http.security import USERS


class ImagesController(Controller):
    """The photographs."""

    path = "/images"
    tags = ("history",)

    @get(
        "/{detection_id:uuid}",
        operation_id="get_image",
        summary="Show one of my photographs",
        guards=[signed_in],
        security=USERS,
        operation_class=Picture,
        media_type="image/*",
        responses={
            200: ResponseSpec(
                data_container=bytes,
                description="The photograph as it was uploaded",
                media_type="image/*",
                generate_examples=False,
            ),
            304: ResponseSpec(data_container=None, description="`If-None-Match` still holds"),
            **problems(
                "invalid_request",
                "not_authenticated",
                "invalid_token",
                "not_found",
                "store_unavailable",
            ),
        },
    )
    async def get_image(
        self,
        request: UserRequest,
        detection_id: FromPath[UUID],
        read_image: NamedDependency[ReadImage],
    ) -> Response[bytes]:
        """Serve a photograph to the user who uploaded it; for everybody else it is not there."""
        image = await read_image.execute(request.user, detection_id)
        # The photograph of a detection never changes. It may be erased, so it is asked for anew.
        etag = f'"{detection_id.hex}"'
        headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}
        held = request.headers.get("if-none-match", "")
        if held.strip() == "*" or etag in (
            each.strip().removeprefix("W/") for each in held.split(",")
        ):
            return Response(b"", status_code=304, headers=headers)
        headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
        return Response(image.data, media_type=image.media_type, headers=headers)
