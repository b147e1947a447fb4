"""Signing in, refreshing tokens, and guests."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import uuid4

from application.accounts.metering import UsageMeter
from application.accounts.sign_in_codes import SignInCodes
from application.accounts.standing import AccountStanding
from application.errors import ServiceUnavailable, StoreUnavailable
from application.ports.clock import Clock
from application.ports.identity_provider import IdentityProvider
from application.ports.refresh_token_repository import RefreshTokenRecord, RefreshTokenRepository
from application.ports.token_service import AccessClaims, AccessToken, GuestClaims, TokenService
from application.ports.user_repository import UserRepository
from application.work.timeouts import CallerTimeout
from domain.errors import InvalidToken
from domain.user import Guest, Usage, User

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TokenPair:
    """The tokens of a client: the access token, and the refresh token."""

    access: AccessToken
    refresh_token: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A user with fresh tokens."""

    user: User
    tokens: TokenPair
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
        standing: AccountStanding,
        meter: UsageMeter,
    ) -> None:
        self._identity = identity
        self._users = users
        self._refresh_tokens = refresh_tokens
        self._tokens = tokens
        self._standing = standing
        self._meter = meter

    async def execute(self, id_token: str) -> SignedIn:
        """Sign in, beginning a new family of refresh tokens.

        Raises:
            InvalidToken: the identity provider refuses the ID token, or it was issued before the
                account was ended here.
            IdentityUnavailable: the provider cannot be asked.
        """
        verified = await self._identity.verify(id_token)
        issued_at = self._identity.issued_at(id_token)
        await self._standing.check_issued(verified.user_id, issued_at)
        user = await _remember(self._users, verified)
        self._standing.confirmed(user.user_id)
        refresh = self._tokens.issue_refresh()
        await self._refresh_tokens.add(
            RefreshTokenRecord(
                digest=refresh.digest,
                user_id=user.user_id,
                family_id=uuid4().hex,
                expires_at=refresh.expires_at,
                signed_in_at=issued_at,
            )
        )
        pair = TokenPair(self._tokens.issue_access(user.user_id), refresh.value)
        return SignedIn(user, pair, await self._meter.usage(user))


class SignInByCode:
    """Signs in with the code that the service showed to its operator."""

    def __init__(self, *, codes: SignInCodes, sign_in: SignIn) -> None:
        self._codes = codes
        self._sign_in = sign_in

    async def execute(self, code: str) -> SignedIn:
        """Use the code up, and sign in as the user it was made for.

        Raises:
            InvalidToken: there is no such code, it was used, or it has expired.
            ServiceUnavailable: signing in does not work now; the code can be used again later.
        """
        id_token = self._codes.redeem(code)
        try:
            return await self._sign_in.execute(id_token)
        except ServiceUnavailable:
            self._codes.give_back(code)
            raise


class RenewSignIn:
    """Renews sign-ins, and ends them all.

    A refresh token works once, and within a short grace again, for a second tab.

    Rotation with reuse detection as in RFC 9700, section 4.14.2: a token that is used later than
    that counts as stolen and revokes its whole family.
    """

    def __init__(
        self,
        *,
        refresh_tokens: RefreshTokenRepository,
        tokens: TokenService,
        standing: AccountStanding,
        clock: Clock,
        grace_s: float,
    ) -> None:
        self._refresh_tokens = refresh_tokens
        self._tokens = tokens
        self._standing = standing
        self._clock = clock
        self._grace_s = grace_s

    async def execute(self, refresh_token: str) -> TokenPair:
        """Rotate the token.

        Raises:
            InvalidToken: unknown, expired, revoked, used before, or of an account that has ended.
        """
        digest = self._tokens.digest(refresh_token)
        known = await self._refresh_tokens.find(digest)
        if known is None:
            raise _not_valid()
        await self._standing.check_again(known)
        successor = self._tokens.issue_refresh()
        record = await self._refresh_tokens.rotate(
            digest,
            successor.digest,
            successor.expires_at,
            self._clock.now(),
            grace_s=self._grace_s,
        )
        if record is None:
            raise _not_valid()
        return TokenPair(self._tokens.issue_access(record.user_id), successor.value)

    async def revoke_all(self, user: User) -> int:
        """End every sign-in of a user by revoking all refresh tokens; returns how many ended."""
        return await self._refresh_tokens.revoke_user(user.user_id)


@dataclass(frozen=True, slots=True)
class Authenticated:
    """The user of a token, and how long the token is valid.

    Attributes:
        user: whose token it is.
        expires_at: None for a token of the identity provider.
    """

    user: User
    expires_at: datetime | None


class Authenticate:
    """Finds the user of a bearer token: our own access token, or the provider's ID token."""

    def __init__(
        self,
        *,
        identity: IdentityProvider,
        users: UserRepository,
        tokens: TokenService,
        standing: AccountStanding,
    ) -> None:
        self._identity = identity
        self._users = users
        self._tokens = tokens
        self._standing = standing
        self._timeout = CallerTimeout()

    async def execute(self, bearer_token: str, *, id_is_enough: bool = False) -> Authenticated:
        """Verify a token and find its user.

        A token is accepted while the users' store is down: everything that needs a profile needs
        that store too, and detection does not.

        Args:
            bearer_token: as it was sent.
            id_is_enough: whether the caller needs only the user's id. A slow users' store is then
                treated like one that is down.

        Raises:
            InvalidToken: malformed, forged, expired, revoked, or a refresh token.
            IdentityUnavailable: the identity provider cannot be asked.
        """
        if self._tokens.is_access(bearer_token):
            claims = self._tokens.verify_access(bearer_token)
            looking_up = self._user_of(claims)
            fallback = User.known_by_id_alone(claims.user_id)
            expires_at = claims.expires_at
        else:
            fallback = await self._identity.verify(bearer_token)
            issued_at = self._identity.issued_at(bearer_token)
            looking_up = self._check_and_remember(fallback, issued_at)
            expires_at = None
        try:
            user = await (self._timeout.wait(looking_up) if id_is_enough else looking_up)
        except StoreUnavailable as error:
            log.warning("a token is accepted although its user cannot be looked up: %s", error)
            user = fallback
        return Authenticated(user, expires_at)

    async def _user_of(self, claims: AccessClaims) -> User:
        user, _ = await asyncio.gather(
            self._users.get(claims.user_id),
            self._standing.check_issued(claims.user_id, claims.issued_at),
        )
        if user is None:
            raise InvalidToken("the token's user is unknown here; sign in again")
        return user

    async def _check_and_remember(self, verified: User, issued_at: datetime) -> User:
        await self._standing.check_issued(verified.user_id, issued_at)
        return await _remember(self._users, verified)


@dataclass(frozen=True, slots=True)
class WelcomedGuest:
    """A guest, and the cookie that identifies the guest next time."""

    guest: Guest
    cookie: str


class WelcomeGuest:
    """Recognises a guest by the signed cookie, or makes a new guest. Stores nothing."""

    def __init__(self, *, tokens: TokenService, clock: Clock) -> None:
        self._tokens = tokens
        self._clock = clock

    def execute(self, cookie: str | None, address: str) -> WelcomedGuest:
        """Identify the guest; a forged or expired cookie makes a new guest.

        A count begins with the first use, so each request renews the cookie.
        """
        claims = self._tokens.verify_guest(cookie) if cookie else None
        if claims is None:
            claims = GuestClaims(f"guest:{uuid4().hex}", self._clock.now())
        guest = Guest(claims.guest_id, address, claims.created_at)
        return WelcomedGuest(guest, self._tokens.issue_guest(claims))


def _not_valid() -> InvalidToken:
    return InvalidToken("the refresh token is not valid; sign in again")


async def _remember(users: UserRepository, verified: User) -> User:
    """Keep the provider's profile; ``created_at`` stays the day of the first sign-in."""
    known = await users.get(verified.user_id)
    user = replace(verified, created_at=known.created_at) if known else verified
    if user != known:
        await users.put(user)
    return user
