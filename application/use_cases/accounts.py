"""Signing in, staying signed in, and being a guest."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import uuid4

from application.errors import StoreUnavailable
from application.metering import UsageMeter
from application.patience import Patience
from application.ports.clock import Clock
from application.ports.identity_provider import IdentityProvider
from application.ports.refresh_token_repository import RefreshTokenRecord, RefreshTokenRepository
from application.ports.sign_in_codes import SignInCodes
from application.ports.token_service import AccessToken, GuestClaims, TokenService
from application.ports.user_repository import UserRepository
from domain.errors import InvalidToken
from domain.user import Caller, Guest, Usage, User

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a client needs to stay signed in: the access token, and the secret that renews it."""

    access: AccessToken
    refresh_token: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A user with fresh tokens."""

    user: User
    tokens: TokenPair
    usage: Usage


@dataclass(frozen=True, slots=True)
class Profile:
    """A caller with what they have used."""

    caller: Caller
    usage: Usage


class SignIn:
    """Exchanges an ID token for the service's own tokens."""

    def __init__(
        self,
        *,
        identity: IdentityProvider,
        users: UserRepository,
        refresh_tokens: RefreshTokenRepository,
        tokens: TokenService,
        meter: UsageMeter,
    ) -> None:
        self._identity = identity
        self._users = users
        self._refresh_tokens = refresh_tokens
        self._tokens = tokens
        self._meter = meter

    async def execute(self, id_token: str) -> SignedIn:
        """Sign in, beginning a new family of refresh tokens.

        Raises:
            InvalidToken: the identity provider refuses the ID token.
            IdentityUnavailable: it cannot be asked.
        """
        user = await _remember(self._users, await self._identity.verify(id_token))
        refresh = self._tokens.issue_refresh()
        await self._refresh_tokens.add(
            RefreshTokenRecord(
                digest=refresh.digest,
                user_id=user.user_id,
                family_id=uuid4().hex,
                expires_at=refresh.expires_at,
            )
        )
        pair = TokenPair(self._tokens.issue_access(user.user_id), refresh.value)
        return SignedIn(user, pair, await self._meter.usage(user))


class SignInByCode:
    """Signs in whoever has the code that the service showed to its operator."""

    def __init__(self, codes: SignInCodes, sign_in: SignIn) -> None:
        self._codes = codes
        self._sign_in = sign_in

    async def execute(self, code: str) -> SignedIn:
        """Use the code up, and sign in as the one it was made for.

        Raises:
            InvalidToken: there is no such code, it was used, or it has ended.
        """
        return await self._sign_in.execute(self._codes.redeem(code))


class RefreshTokens:
    """Renews a sign-in. Each refresh token works once; a second use revokes its whole family.

    Rotation with reuse detection as in RFC 9700, section 4.14.2.
    """

    def __init__(
        self, *, refresh_tokens: RefreshTokenRepository, tokens: TokenService, clock: Clock
    ) -> None:
        self._refresh_tokens = refresh_tokens
        self._tokens = tokens
        self._clock = clock

    async def execute(self, refresh_token: str) -> TokenPair:
        """Rotate the token.

        Raises:
            InvalidToken: unknown, expired, revoked, or used before.
        """
        now = self._clock.now()
        await self._refresh_tokens.delete_expired(now)  # On the way, so that they do not pile up.
        successor = self._tokens.issue_refresh()
        record = await self._refresh_tokens.rotate(
            self._tokens.digest(refresh_token), successor.digest, successor.expires_at, now
        )
        if record is None:
            raise InvalidToken("the refresh token is not valid; sign in again")
        return TokenPair(self._tokens.issue_access(record.user_id), successor.value)


class RevokeTokens:
    """Ends every sign-in of a user."""

    def __init__(self, refresh_tokens: RefreshTokenRepository) -> None:
        self._refresh_tokens = refresh_tokens

    async def execute(self, user: User) -> int:
        """Revoke all the user's refresh tokens and tell how many stood."""
        return await self._refresh_tokens.revoke_user(user.user_id)


@dataclass(frozen=True, slots=True)
class Authenticated:
    """The user behind a token, and until when the token says so.

    Attributes:
        expires_at: None where the token is an identity provider's, whose end it keeps to itself.
    """

    user: User
    expires_at: datetime | None


class Authenticate:
    """Tells who a bearer token belongs to: our own access token, or the provider's ID token."""

    def __init__(
        self, *, identity: IdentityProvider, users: UserRepository, tokens: TokenService
    ) -> None:
        self._identity = identity
        self._users = users
        self._tokens = tokens
        self._patience = Patience()

    async def execute(self, bearer_token: str, *, id_is_enough: bool = False) -> Authenticated:
        """Look the token up.

        Who has a token that stands is let in while the users' store is down: everything that needs
        a profile needs that store too, and detection does not.

        Args:
            bearer_token: as it was sent.
            id_is_enough: whether the caller can do without the profile. A users' store that is
                slow is then treated like one that is down.

        Raises:
            InvalidToken: malformed, forged, expired, revoked, or a refresh token.
            IdentityUnavailable: the identity provider cannot be asked.
        """
        if not self._tokens.is_access(bearer_token):
            verified = await self._identity.verify(bearer_token)
            try:
                return Authenticated(await _remember(self._users, verified), None)
            except StoreUnavailable as error:
                log.warning("a user is let in without being remembered: %s", error)
                return Authenticated(verified, None)
        claims = self._tokens.verify_access(bearer_token)
        known = self._users.get(claims.user_id)
        try:
            user = await (self._patience.wait(known) if id_is_enough else known)
        except StoreUnavailable as error:
            log.warning("a user is let in on the word of the token: %s", error)
            user = User.known_by_id_alone(claims.user_id)
        if user is None:
            raise InvalidToken("the token's user is not known here any more; sign in again")
        return Authenticated(user, claims.expires_at)


@dataclass(frozen=True, slots=True)
class WelcomedGuest:
    """A guest, with the cookie to come back with."""

    guest: Guest
    cookie: str


class WelcomeGuest:
    """Recognises a guest by the signed cookie, or makes a new one. Stores nothing."""

    def __init__(self, *, tokens: TokenService, clock: Clock) -> None:
        self._tokens = tokens
        self._clock = clock

    def execute(self, cookie: str | None, address: str) -> WelcomedGuest:
        """Tell which guest this is; a forged or expired cookie makes a new guest.

        A count begins with the first use, so each request renews the cookie.
        """
        claims = self._tokens.verify_guest(cookie) if cookie else None
        if claims is None:
            claims = GuestClaims(f"guest:{uuid4().hex}", self._clock.now())
        guest = Guest(claims.guest_id, address, claims.created_at)
        return WelcomedGuest(guest, self._tokens.issue_guest(claims))


class GetProfile:
    """Shows callers what is known of them."""

    def __init__(self, meter: UsageMeter) -> None:
        self._meter = meter

    async def execute(self, caller: Caller) -> Profile:
        """Fetch the caller's usage."""
        return Profile(caller, await self._meter.usage(caller))


async def _remember(users: UserRepository, verified: User) -> User:
    """Keep what the provider said; the day the user was first seen stays the day of creation."""
    known = await users.get(verified.user_id)
    user = replace(verified, created_at=known.created_at) if known else verified
    if user != known:
        await users.put(user)
    return user
