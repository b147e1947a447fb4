"""OPTIONS requests."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response
from litestar.enums import HttpMethod


async def answer_options(request: Request[Any, Any, Any]) -> Response[None] | None:
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
