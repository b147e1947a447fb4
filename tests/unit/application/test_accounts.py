"""Signing in, staying signed in, and being a guest."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from adapters.in_memory import (
    InMemoryIdentityProvider,
    InMemoryRefreshTokenRepository,
    InMemoryTokenService,
    InMemoryUserRepository,
)
from application.errors import IdentityUnavailable, StoreUnavailable
from application.ports.token_service import GuestClaims
from application.use_cases.accounts import (
    Authenticate,
    GetProfile,
    RefreshTokens,
    RevokeTokens,
    SignedIn,
    SignIn,
    WelcomeGuest,
)
from domain.errors import InvalidToken
from tests.unit.application.service import Service, guest, user

ACCESS_LIFETIME_S, REFRESH_LIFETIME_S, GUEST_LIFETIME_S = 7200, 30 * 86_400, 86_400


@dataclass
class Accounts:
    """The use cases around sign-in, on fakes, with one user enrolled."""

    service: Service = field(default_factory=Service)

    def __post_init__(self) -> None:
        self.clock = self.service.clock
        self.identity = InMemoryIdentityProvider()
        self.id_token = self.identity.enrol("alice@example.com", user=user("alice"))
        self.users = InMemoryUserRepository()
        self.stored_tokens = InMemoryRefreshTokenRepository()
        self.tokens = InMemoryTokenService(
            clock=self.clock,
            access_lifetime_s=ACCESS_LIFETIME_S,
            refresh_lifetime_s=REFRESH_LIFETIME_S,
            guest_lifetime_s=GUEST_LIFETIME_S,
        )
        self.sign_in = SignIn(
            identity=self.identity,
            users=self.users,
            refresh_tokens=self.stored_tokens,
            tokens=self.tokens,
            meter=self.service.meter,
        )
        self.refresh = RefreshTokens(
            refresh_tokens=self.stored_tokens, tokens=self.tokens, clock=self.clock
        )
        self.revoke = RevokeTokens(self.stored_tokens)
        self.authenticate = Authenticate(
            identity=self.identity, users=self.users, tokens=self.tokens
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


@pytest.fixture
def accounts() -> Accounts:
    return Accounts()


async def test_an_id_token_buys_an_access_token_that_works(accounts: Accounts) -> None:
    signed_in = await accounts.signed_in()
    assert signed_in.user == user("alice")
    assert signed_in.tokens.access.expires_in_s == ACCESS_LIFETIME_S
    known = await accounts.authenticate.execute(signed_in.tokens.access.value)
    assert known.user == user("alice")
    assert known.expires_at == accounts.clock.now() + timedelta(seconds=ACCESS_LIFETIME_S)


async def test_signing_in_tells_what_was_used_so_far(accounts: Accounts) -> None:
    async with accounts.service.meter.charge(user("alice")):
        pass
    assert (await accounts.signed_in()).usage.count == 1


@pytest.mark.parametrize("bad", ["", "nonsense", "id-token-of-mallory@example.com"])
async def test_a_bad_id_token_signs_nobody_in(accounts: Accounts, bad: str) -> None:
    with pytest.raises(InvalidToken):
        await accounts.sign_in.execute(bad)
    with pytest.raises(InvalidToken):
        await accounts.authenticate.execute(bad)


async def test_a_provider_that_is_down_is_no_verdict_on_the_token(accounts: Accounts) -> None:
    signed_in = await accounts.signed_in()
    accounts.identity.fail_with(IdentityUnavailable("the provider does not answer"))
    with pytest.raises(IdentityUnavailable):
        await accounts.signed_in()
    with pytest.raises(IdentityUnavailable):
        await accounts.authenticate.execute(accounts.id_token)
    # Those who have signed in are not touched by it.
    await accounts.authenticate.execute(signed_in.tokens.access.value)
    await accounts.refresh.execute(signed_in.tokens.refresh_token)


async def test_the_day_an_account_was_first_seen_stays(accounts: Accounts) -> None:
    await accounts.signed_in()
    later = replace(
        user("alice"),
        display_name="Alice B.",
        created_at=user("alice").created_at + timedelta(days=400),
    )
    accounts.identity.enrol("alice@example.com", user=later)
    again = await accounts.signed_in()
    assert again.user.display_name == "Alice B."
    assert again.user.created_at == user("alice").created_at
    assert await accounts.users.get("alice") == again.user


async def test_an_id_token_is_taken_in_place_of_an_access_token(accounts: Accounts) -> None:
    known = await accounts.authenticate.execute(accounts.id_token)
    assert known.user == user("alice")
    assert known.expires_at is None
    assert await accounts.users.get("alice") == user("alice")


async def test_a_refresh_token_is_never_taken_in_place_of_an_access_token(
    accounts: Accounts,
) -> None:
    signed_in = await accounts.signed_in()
    with pytest.raises(InvalidToken):
        await accounts.authenticate.execute(signed_in.tokens.refresh_token)


async def test_neither_an_access_nor_an_id_token_renews_a_sign_in(accounts: Accounts) -> None:
    signed_in = await accounts.signed_in()
    assert await accounts.is_refused(signed_in.tokens.access.value)
    assert await accounts.is_refused(accounts.id_token)
    assert await accounts.is_refused("")


async def test_an_access_token_ends_with_its_time_and_a_forged_one_never_stood(
    accounts: Accounts,
) -> None:
    access = (await accounts.signed_in()).tokens.access.value
    with pytest.raises(InvalidToken):
        await accounts.authenticate.execute(access + "x")
    accounts.clock.advance(ACCESS_LIFETIME_S)
    with pytest.raises(InvalidToken):
        await accounts.authenticate.execute(access)


async def test_an_access_token_of_somebody_unknown_is_refused(accounts: Accounts) -> None:
    access = accounts.tokens.issue_access("gone").value
    with pytest.raises(InvalidToken):
        await accounts.authenticate.execute(access)


async def test_each_refresh_token_works_once_and_brings_the_next(accounts: Accounts) -> None:
    token = (await accounts.signed_in()).tokens.refresh_token
    seen = {token}
    for _ in range(3):
        pair = await accounts.refresh.execute(token)
        known = await accounts.authenticate.execute(pair.access.value)
        assert known.user.user_id == "alice"
        token = pair.refresh_token
        assert token not in seen
        seen.add(token)


async def test_a_used_refresh_token_revokes_all_that_came_of_the_same_sign_in(
    accounts: Accounts,
) -> None:
    stolen = (await accounts.signed_in()).tokens.refresh_token
    elsewhere = (await accounts.signed_in()).tokens.refresh_token
    second = (await accounts.refresh.execute(stolen)).refresh_token
    third = (await accounts.refresh.execute(second)).refresh_token
    assert await accounts.is_refused(stolen)
    assert await accounts.is_refused(third)
    assert not await accounts.is_refused(elsewhere)


async def test_of_two_uses_at_once_one_fails_and_the_family_is_gone(accounts: Accounts) -> None:
    token = (await accounts.signed_in()).tokens.refresh_token
    results = await asyncio.gather(
        *(accounts.refresh.execute(token) for _ in range(2)), return_exceptions=True
    )
    won = [result for result in results if not isinstance(result, BaseException)]
    assert len(won) == 1
    assert await accounts.is_refused(won[0].refresh_token)


async def test_a_refresh_token_ends_with_its_time(accounts: Accounts) -> None:
    token = (await accounts.signed_in()).tokens.refresh_token
    accounts.clock.advance(REFRESH_LIFETIME_S)
    assert await accounts.is_refused(token)


async def test_tokens_past_their_time_do_not_pile_up(accounts: Accounts) -> None:
    for _ in range(5):
        await accounts.signed_in()
    accounts.clock.advance(REFRESH_LIFETIME_S)
    await accounts.refresh.execute((await accounts.signed_in()).tokens.refresh_token)
    assert await accounts.stored_tokens.delete_expired(accounts.clock.now()) == 0


async def test_revoking_ends_every_sign_in_of_the_user_and_of_nobody_else(
    accounts: Accounts,
) -> None:
    mine = [(await accounts.signed_in()).tokens.refresh_token for _ in range(2)]
    bobs_id_token = accounts.identity.enrol("bob@example.com", user=user("bob"))
    bobs = (await accounts.sign_in.execute(bobs_id_token)).tokens.refresh_token
    assert await accounts.revoke.execute(user("alice")) == 2
    for token in mine:
        assert await accounts.is_refused(token)
    assert not await accounts.is_refused(bobs)
    assert await accounts.revoke.execute(user("alice")) == 0


async def test_no_refresh_token_is_stored_as_it_is(accounts: Accounts) -> None:
    kept = []

    class Watched(InMemoryRefreshTokenRepository):
        async def add(self, record):  # type: ignore[no-untyped-def]
            kept.append(record)

    accounts.sign_in = SignIn(
        identity=accounts.identity,
        users=accounts.users,
        refresh_tokens=Watched(),
        tokens=accounts.tokens,
        meter=accounts.service.meter,
    )
    token = (await accounts.signed_in()).tokens.refresh_token
    assert len(kept) == 1
    assert token not in repr(kept)


def test_a_first_visit_makes_a_guest_with_a_cookie(accounts: Accounts) -> None:
    first = accounts.welcome.execute(None, "192.0.2.1")
    assert first.guest.user_id.startswith("guest:")
    assert (first.guest.address, first.guest.created_at) == ("192.0.2.1", accounts.clock.now())


def test_the_cookie_brings_the_same_guest_back_from_any_address(accounts: Accounts) -> None:
    first = accounts.welcome.execute(None, "192.0.2.1")
    accounts.clock.advance(60)
    again = accounts.welcome.execute(first.cookie, "198.51.100.7")
    assert again.guest == replace(first.guest, address="198.51.100.7")


def test_each_visit_renews_the_cookie(accounts: Accounts) -> None:
    first = accounts.welcome.execute(None, "192.0.2.1")
    accounts.clock.advance(GUEST_LIFETIME_S - 1)
    second = accounts.welcome.execute(first.cookie, "192.0.2.1")
    accounts.clock.advance(GUEST_LIFETIME_S - 1)
    assert accounts.welcome.execute(second.cookie, "192.0.2.1").guest == first.guest


@pytest.mark.parametrize("cookie", ["", "forged", "guest-0000000000000000"])
def test_a_forged_cookie_makes_a_new_guest(accounts: Accounts, cookie: str) -> None:
    welcomed = accounts.welcome.execute(cookie, "192.0.2.1")
    assert welcomed.cookie != cookie
    assert welcomed.guest.created_at == accounts.clock.now()


def test_an_expired_cookie_makes_a_new_guest(accounts: Accounts) -> None:
    claims = GuestClaims("guest:old", accounts.clock.now())
    cookie = accounts.tokens.issue_guest(claims)
    accounts.clock.advance(GUEST_LIFETIME_S)
    assert accounts.welcome.execute(cookie, "192.0.2.1").guest.user_id != "guest:old"


async def test_forged_cookies_buy_no_detection_beyond_what_the_address_may(
    accounts: Accounts,
) -> None:
    meter = accounts.service.meter
    for number in range(6):
        visitor = accounts.welcome.execute(f"forged-{number}", "192.0.2.1").guest
        async with meter.charge(visitor):
            pass
    newcomer = accounts.welcome.execute("forged-again", "192.0.2.1").guest
    assert (await meter.usage(newcomer)).remaining == 0


async def test_a_profile_shows_guests_and_users_what_they_used(accounts: Accounts) -> None:
    profile = GetProfile(accounts.service.meter)
    async with accounts.service.meter.charge(guest()):
        pass
    shown = await profile.execute(guest())
    assert (shown.caller, shown.usage.count, shown.usage.remaining) == (guest(), 1, 2)
    shown = await profile.execute(user("alice"))
    assert (shown.usage.count, shown.usage.remaining) == (0, None)


async def test_who_has_a_token_is_let_in_while_the_users_cannot_be_looked_up(
    accounts: Accounts,
) -> None:
    access = (await accounts.signed_in()).tokens.access.value
    accounts.users.fail_with(StoreUnavailable("the store does not answer"))
    for token in (access, accounts.id_token):
        assert (await accounts.authenticate.execute(token)).user.user_id == "alice"
    with pytest.raises(InvalidToken):
        await accounts.authenticate.execute("forged")
