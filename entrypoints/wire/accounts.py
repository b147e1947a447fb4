"""Callers, their usage, and signing in."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

import application.use_cases.accounts
import domain.user
from application.use_cases.accounts import TokenPair
from domain.user import Caller, Guest


class User(Struct, kw_only=True):
    """A caller and their usage."""

    user_id: Annotated[str, Meta(examples=["local:alice@example.com"])]
    email: Annotated[str | None, Meta(examples=["alice@example.com"])]
    display_name: Annotated[str | None, Meta(examples=["Alice"])]
    photo_url: str | None
    is_guest: bool
    is_email_verified: bool
    providers: Annotated[list[str], Meta(examples=[["local"]])]
    usage_count: Annotated[int, Meta(ge=0)]
    last_used: datetime | None
    created_at: datetime


class Usage(Struct, kw_only=True):
    """What a caller has used and may still use."""

    user_id: Annotated[str, Meta(examples=["local:alice@example.com"])]
    is_guest: bool
    usage_count: Annotated[
        int, Meta(ge=0, description="For a guest, what is used up of the limit that binds now.")
    ]
    max_usage: Annotated[
        int | None,
        Meta(description="The guest's limit, or that of the network address; null without one."),
    ]
    remaining: Annotated[int | None, Meta(description="Null without a limit.")]
    resets_at: Annotated[datetime | None, Meta(description="When the count starts over.")]


_TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"
_SECRET = "Zm9yIGV4YW1wbGUgb25seQ"


class IdToken(Struct, kw_only=True):
    """The request to sign in."""

    id_token: Annotated[
        str, Meta(min_length=1, description="From the identity provider.", examples=[_TOKEN])
    ]


class SignInCode(Struct, kw_only=True):
    """The request to sign in by a printed code."""

    code: Annotated[
        str, Meta(min_length=1, description="Works once.", examples=["k7qf2-m9xpd"])
    ]  # fmt: skip


class RefreshToken(Struct, kw_only=True):
    """The request to refresh tokens."""

    refresh_token: Annotated[str, Meta(min_length=1, description="Works once.", examples=[_SECRET])]


class Tokens(Struct, kw_only=True):
    """Fresh tokens."""

    access_token: Annotated[str, Meta(examples=[_TOKEN])]
    refresh_token: Annotated[str, Meta(examples=[_SECRET])]
    token_type: Literal["bearer"] = "bearer"
    expires_in: Annotated[
        int, Meta(ge=0, description="Seconds until the access token expires.", examples=[7200])
    ]


class SignedIn(Tokens, kw_only=True):
    """A user who has just signed in."""

    message: str
    user: User


class Message(Struct, kw_only=True):
    """A confirmation."""

    message: Annotated[str, Meta(examples=["sign-ins ended: 2"])]


def present_user(caller: Caller, used: domain.user.Usage) -> User:
    """A user or a guest."""
    known = caller if isinstance(caller, domain.user.User) else None
    return User(
        user_id=caller.user_id,
        email=known.email if known else None,
        display_name=known.display_name if known else None,
        photo_url=known.photo_url if known else None,
        is_guest=known is None,
        is_email_verified=known is not None and known.is_email_verified,
        providers=list(known.providers) if known else [],
        usage_count=used.count,
        last_used=used.last_used,
        created_at=caller.created_at,
    )


def present_usage(caller: Caller, used: domain.user.Usage) -> Usage:
    """What a caller has used."""
    return Usage(
        user_id=caller.user_id,
        is_guest=isinstance(caller, Guest),
        usage_count=used.count,
        max_usage=used.limit,
        remaining=used.remaining,
        resets_at=used.resets_at,
    )


def present_tokens(pair: TokenPair) -> Tokens:
    """Fresh tokens."""
    return Tokens(
        access_token=pair.access.value,
        refresh_token=pair.refresh_token,
        expires_in=pair.access.expires_in_s,
    )


def present_sign_in(result: application.use_cases.accounts.SignedIn) -> SignedIn:
    """A user with fresh tokens."""
    return SignedIn(
        message="signed in",
        user=present_user(result.user, result.usage),
        access_token=result.tokens.access.value,
        refresh_token=result.tokens.refresh_token,
        expires_in=result.tokens.access.expires_in_s,
    )
