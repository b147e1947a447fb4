"""Signing in, refreshing tokens, and the caller's profile."""

from __future__ import annotations

from litestar import Controller, get, post
from litestar.datastructures import ResponseHeader
from litestar.di import NamedDependency
from litestar.params import JSONBody

from application.accounts.metering import UsageMeter
from application.use_cases.accounts import RenewSignIn, SignIn, SignInByCode
from entrypoints.http.authentication import (
    ANYONE,
    USERS,
    AnyoneRequest,
    UserRequest,
    anyone,
    signed_in,
)
from entrypoints.http.errors import OF_USERS, problems
from entrypoints.wire import accounts


class AuthController(Controller):
    """Accounts."""

    path = "/auth"
    tags = ("accounts",)
    response_headers = (
        ResponseHeader("Cache-Control", value="no-store", description="Tokens are never kept."),
    )

    @post(
        "/verify-token",
        operation_id="sign_in", response_description="The user and fresh tokens",
        summary="Sign in with an ID token",
        status_code=200,
        responses=problems(
            "invalid_request", "invalid_token", "request_too_large", "identity_unavailable",
            "store_unavailable",
        ),
    )  # fmt: skip
    async def verify_token(
        self, data: JSONBody[accounts.IdToken], sign_in: NamedDependency[SignIn]
    ) -> accounts.SignedIn:
        """Exchange the identity provider's ID token for this service's own tokens."""
        return accounts.present_sign_in(await sign_in.execute(data.id_token.strip()))

    @post(
        "/sign-in-code",
        operation_id="sign_in_by_code",
        response_description="The user and fresh tokens",
        summary="Sign in with the code that the service printed",
        status_code=200,
        responses=problems(
            "invalid_request", "invalid_token", "request_too_large", "store_unavailable"
        ),
    )
    async def sign_in_code(
        self, data: JSONBody[accounts.SignInCode], sign_in_by_code: NamedDependency[SignInByCode]
    ) -> accounts.SignedIn:
        """Exchange the code of the link that a service prints at its start for tokens.

        A code works once, within ten minutes.
        """
        return accounts.present_sign_in(await sign_in_by_code.execute(data.code.strip()))

    @post(
        "/refresh-token",
        operation_id="refresh_tokens",
        response_description="Fresh tokens",
        summary="Stay signed in",
        status_code=200,
        responses=problems(
            "invalid_request", "invalid_token", "request_too_large", "store_unavailable"
        ),
    )
    async def refresh_token(
        self, data: JSONBody[accounts.RefreshToken], renew_sign_in: NamedDependency[RenewSignIn]
    ) -> accounts.Tokens:
        """Exchange a refresh token for fresh tokens.

        Each refresh token works once, and again for a few seconds, as for a second tab. Presenting
        one later ends the whole sign-in. An account that has ended is not renewed.
        """
        return accounts.present_tokens(await renew_sign_in.execute(data.refresh_token.strip()))

    @post(
        "/refresh-token/reset",
        operation_id="revoke_tokens",
        response_description="Done",
        summary="Sign out everywhere",
        status_code=200,
        guards=[signed_in],
        security=USERS,
        responses=problems(*OF_USERS),
    )
    async def reset(
        self, request: UserRequest, renew_sign_in: NamedDependency[RenewSignIn]
    ) -> accounts.Message:
        """Revoke every refresh token of the user. Access tokens expire by themselves."""
        revoked = await renew_sign_in.revoke_all(request.user)
        return accounts.Message(message=f"sign-ins ended: {revoked}")

    @get(
        "/profile",
        operation_id="get_profile",
        response_description="The caller",
        summary="Who am I",
        guards=[anyone],
        security=ANYONE,
        responses=problems("invalid_token", "identity_unavailable", "store_unavailable"),
    )
    async def profile(
        self, request: AnyoneRequest, meter: NamedDependency[UsageMeter]
    ) -> accounts.User:
        """Show the signed-in user, or the guest behind the cookie."""
        return accounts.present_user(request.user, await meter.usage(request.user))

    @get(
        "/usage",
        operation_id="get_usage",
        response_description="The count",
        summary="What have I used",
        guards=[anyone],
        security=ANYONE,
        responses=problems("invalid_token", "identity_unavailable", "store_unavailable"),
    )
    async def usage(
        self, request: AnyoneRequest, meter: NamedDependency[UsageMeter]
    ) -> accounts.Usage:
        """Show how many detections were made and, for a guest, how many are left."""
        return accounts.present_usage(request.user, await meter.usage(request.user))
