"""The caller: from the bearer token or the guest's cookie, before the body is read."""

from __future__ import annotations

from typing import Any

import structlog
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.handlers import BaseRouteHandler
from litestar.openapi.spec import Components, SecurityRequirement, SecurityScheme
from litestar.types import Message, Scope

from application.accounts.credentials import Credential
from domain.errors import InvalidToken, NotAuthenticated
from domain.user import Caller, Guest, User
from entrypoints.http.body import BodyRequest
from entrypoints.http.dependencies import container_of

SECURITY_SCHEMES = Components(
    security_schemes={
        "bearer": SecurityScheme(
            type="http",
            scheme="bearer",
            description="An access token of this service, or an ID token of the identity provider.",
        )
    }
)
USERS: list[SecurityRequirement] = [{"bearer": []}]
LINK_HOLDERS: list[SecurityRequirement] = [{"bearer": []}, {}]
ANYONE: list[SecurityRequirement] = [{}, {"bearer": []}]
"""What OpenAPI says of a call for users, for users and holders of a link, and for everybody."""

GUEST_COOKIE = "guest_usage_info"
ID_IS_ENOUGH = {"id_is_enough": True}
"""Option of a route that needs only the id of the user, and so does not wait for a slow store."""

AnyoneRequest = BodyRequest[Caller]
UserRequest = BodyRequest[User]
_Connection = ASGIConnection[Any, Any, Any, Any]


async def anyone(connection: _Connection, handler: BaseRouteHandler) -> None:
    """A guard that admits users and guests, and sets ``request.user`` and, of users,
    ``request.auth``.

    Raises:
        InvalidToken: there is a token, and it is not accepted.
    """
    headers = connection.headers.getall("authorization", [])
    if headers:
        id_is_enough = ID_IS_ENOUGH.items() <= handler.opt.items()
        user: Caller = await _user(connection, headers, id_is_enough=id_is_enough)
    else:
        user = _guest(connection)
    connection.scope["user"] = user
    structlog.contextvars.bind_contextvars(user_id=user.user_id)


async def signed_in(connection: _Connection, handler: BaseRouteHandler) -> None:
    """A guard that admits only users.

    Raises:
        NotAuthenticated: there is no token.
        InvalidToken: there is one, and it is not accepted.
    """
    if "authorization" not in connection.headers:
        raise NotAuthenticated("this needs a signed-in user; send a bearer token")
    await anyone(connection, handler)


async def send_guest_cookie(message: Message, scope: Scope) -> None:
    """Add a guest's cookie to the answer, whatever the answer is."""
    if message["type"] != "http.response.start":
        return
    cookie: Cookie | None = scope.get("state", {}).pop(GUEST_COOKIE, None)
    if cookie is not None:
        name, value = cookie.to_encoded_header()
        if cookie.samesite == "none":
            # A jar for each site that embeds this one: browsers keep it where they keep no others.
            value += b"; Partitioned"
        message["headers"] = [*message["headers"], (name, value)]


async def _user(connection: _Connection, headers: list[str], *, id_is_enough: bool) -> User:
    scheme, _, token = headers[0].strip().partition(" ")
    token = token.strip()
    if len(headers) > 1 or scheme.lower() != "bearer" or not token or " " in token:
        raise InvalidToken("the header must read 'Authorization: Bearer <token>'")
    authenticate = container_of(connection).accounts().authenticate()
    found = await authenticate.execute(token, id_is_enough=id_is_enough)
    connection.scope["auth"] = Credential(token, found.expires_at)
    return found.user


def _guest(connection: _Connection) -> Guest:
    container = container_of(connection)
    client = connection.client
    address = client.host if client else "unknown"
    welcomed = container.accounts().welcome_guest().execute(_guest_cookie(connection), address)
    # Browsers send a cookie from pages of another site only if it is marked so, and secure.
    for_another_site = _is_from_another_site(connection)
    connection.scope.setdefault("state", {})[GUEST_COOKIE] = Cookie(
        key=GUEST_COOKIE,
        value=welcomed.cookie,
        max_age=container.settings().accounts.guest_window_seconds,
        httponly=True,
        samesite="none" if for_another_site else "lax",
        secure=for_another_site or connection.url.scheme == "https",
    )
    return welcomed.guest


def _guest_cookie(connection: _Connection) -> str | None:
    """The cookie as it was sent. The standard library takes seconds to read some others."""
    for header in connection.headers.getall("cookie", []):
        for pair in reversed(header.split(";")):
            name, _, value = pair.partition("=")
            if name.strip() == GUEST_COOKIE:
                return value.strip().strip('"')
    return None


def _is_from_another_site(connection: _Connection) -> bool:
    """Whether an allowed page of another site calls, and not another name of the same site."""
    cors, headers = connection.app.cors_config, connection.headers
    is_allowed = cors is not None and cors.is_origin_allowed(headers.get("origin", ""))
    return is_allowed and headers.get("sec-fetch-site") == "cross-site"
