"""Links between the pages of a list."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from litestar.datastructures import URL


def link_header(url: URL, *, skip: int, limit: int, total: int) -> str:
    """The links to the first, previous, next and last page (RFC 8288); filters are kept.

    The targets are relative, so that they are valid behind any proxy.
    """
    first = skip % limit if skip else 0
    last = first + (total - 1 - first) // limit * limit if total > first else 0
    starts = {"first": 0}
    if skip > 0:
        starts["prev"] = min(max(skip - limit, 0), last)
    if skip + limit < total:
        starts["next"] = skip + limit
    starts["last"] = last
    kept = [
        pair
        for pair in parse_qsl(url.query, keep_blank_values=True)
        if pair[0] not in {"skip", "limit"}
    ]
    return ", ".join(
        f'<{url.path}?{urlencode([*kept, ("skip", start), ("limit", limit)])}>; rel="{relation}"'
        for relation, start in starts.items()
    )
