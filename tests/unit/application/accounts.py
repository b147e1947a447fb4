"""The use cases around accounts, with fakes."""

from __future__ import annotations

from dataclasses import dataclass, field

from adapters.in_memory import (
    InMemoryIdentityProvider,
    InMemoryRefreshTokenRepository,
    InMemoryTokenService,
)
from application.accounts.standing import AccountStanding
from application.use_cases.accounts import (
    Authenticate,
    RenewSignIn,
    SignedIn,
    SignIn,
    WelcomeGuest,
)
from application.use_cases.end_accounts import EndAccount
from application.use_cases.history import EraseHistory
from domain.errors import InvalidToken
from tests.unit.application.service import Service, user

GRACE_S, RECHECK_S = 10, 300
ACCESS_LIFETIME_S, REFRESH_LIFETIME_S, GUEST_LIFETIME_S = 7200, 30 * 86_400, 86_400


@dataclass
class Accounts:
    """The use cases around sign-in with fakes, and one user."""

    service: Service = field(default_factory=Service)

    def __post_init__(self) -> None:
        self.clock = self.service.clock
        self.identity = InMemoryIdentityProvider()
        self.id_token = self.identity.enrol("alice@example.com", user=user("alice"))
        self.users = self.service.users
        self.stored_tokens = InMemoryRefreshTokenRepository()
        self.tokens = InMemoryTokenService(
            clock=self.clock,
            access_lifetime_s=ACCESS_LIFETIME_S,
            refresh_lifetime_s=REFRESH_LIFETIME_S,
            guest_lifetime_s=GUEST_LIFETIME_S,
        )
        self.standing = AccountStanding(
            identity=self.identity,
            users=self.users,
            refresh_tokens=self.stored_tokens,
            clock=self.clock,
            recheck_s=RECHECK_S,
            timeout_s=0.2,
        )
        self.sign_in = SignIn(
            identity=self.identity,
            users=self.users,
            refresh_tokens=self.stored_tokens,
            tokens=self.tokens,
            standing=self.standing,
            meter=self.service.meter,
        )
        self.refresh = RenewSignIn(
            refresh_tokens=self.stored_tokens,
            tokens=self.tokens,
            standing=self.standing,
            clock=self.clock,
            grace_s=GRACE_S,
        )
        self.authenticate = Authenticate(
            identity=self.identity,
            users=self.users,
            tokens=self.tokens,
            standing=self.standing,
        )
        self.end_account = EndAccount(
            users=self.users,
            refresh_tokens=self.stored_tokens,
            ledger=self.service.ledger,
            erase_history=EraseHistory(
                repository=self.service.repository,
                spool=self.service.spool,
                images=self.service.images,
                erase_videos=self.service.erasure,
                retry_schedule=self.service.store.retry_schedule,
            ),
            clock=self.clock,
        )
        self.welcome = WelcomeGuest(tokens=self.tokens, clock=self.clock)

    async def signed_in(self) -> SignedIn:
        return await self.sign_in.execute(self.id_token)

    async def is_refused(self, refresh_token: str) -> bool:
        try:
            await self.refresh.execute(refresh_token)
        except InvalidToken:
            return True
        return False
