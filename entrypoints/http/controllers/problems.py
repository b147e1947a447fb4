"""The kinds of problems, as JSON and as pages."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.enums import MediaType
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from entrypoints.http import operations
from entrypoints.http.errors import problems
from entrypoints.web.problem_pages import POLICY, kind_page, list_page
from entrypoints.web.routes import is_browser
from entrypoints.wire.problem_kinds import KINDS, ProblemKind

_VARIES = {"Vary": "Accept"}


@get(
    "/problems",
    operation_id="list_problems",
    summary="Every kind of problem",
    tags=["service"],
    responses={200: operations.answer(list[ProblemKind], "All of them; a page for browsers")},
)
async def list_problems(request: Request[Any, Any, Any]) -> Response[Any]:
    """Explain every kind of problem."""
    kinds = list(KINDS.values())
    if is_browser(request):
        return _page(list_page(kinds))
    return Response(kinds, headers=_VARIES)


@get(
    "/problems/{code:str}",
    operation_id="describe_problem",
    summary="What a kind of problem means",
    tags=["service"],
    responses={
        200: operations.answer(ProblemKind, "What it means; a page for browsers"),
        **problems("invalid_request", "not_found"),
    },
)
async def describe_problem(request: Request[Any, Any, Any], code: FromPath[str]) -> Response[Any]:
    """Explain a kind of problem; the `type` of every error leads here."""
    kind = KINDS.get(code)
    if kind is None:
        raise NotFoundException
    if is_browser(request):
        return _page(kind_page(kind))
    return Response(kind, headers=_VARIES)


def _page(html: bytes) -> Response[bytes]:
    headers = {**_VARIES, "Content-Security-Policy": POLICY}
    return Response(html, media_type=MediaType.HTML, headers=headers)
