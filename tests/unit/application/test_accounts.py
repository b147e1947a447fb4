"""Signing in, refreshing tokens, and guests."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.in_memory import InMemoryRefreshTokenRepository
from application.accounts.sign_in_codes import SignInCodes
from application.errors import IdentityUnavailable, StoreUnavailable
from application.ports.token_service import GuestClaims
from application.use_cases.accounts import SignIn, SignInByCode
from domain.detection import HistoryFilter
from domain.errors import InvalidToken
from tests.unit.application.accounts import (
    ACCESS_LIFETIME_S,
    GRACE_S,
    GUEST_LIFETIME_S,
    RECHECK_S,
    REFRESH_LIFETIME_S,
    Accounts,
)
from tests.unit.application.service import PHOTO, guest, user


@pytest.fixture
def accounts() -> Accounts:
    return Accounts()


async def test_an_id_token_gives_a_working_access_token(accounts: Accounts) -> None:
    signed_in = await accounts.signed_in()
    assert signed_in.user == user("alice")
    assert signed_in.tokens.access.expires_in_s == ACCESS_LIFETIME_S
    known = await accounts.authenticate.execute(signed_in.tokens.access.value)
    assert known.user == user("alice")
    assert known.expires_at == accounts.clock.now() + timedelta(seconds=ACCESS_LIFETIME_S)


async def test_signing_in_returns_the_usage_so_far(accounts: Accounts) -> None:
    async with accounts.service.meter.charge(user("alice")):
        pass
    assert (await accounts.signed_in()).usage.count == 1


@pytest.mark.parametrize("bad", ["", "nonsense", "id-token-of-mallory@example.com"])
async def test_a_bad_id_token_is_refused(accounts: Accounts, bad: str) -> None:
    with pytest.raises(InvalidToken):
        await accounts.sign_in.execute(bad)
    with pytest.raises(InvalidToken):
        await accounts.authenticate.execute(bad)


async def test_a_provider_that_is_down_neither_accepts_nor_refuses_a_token(
    accounts: Accounts,
) -> None:
    signed_in = await accounts.signed_in()
    accounts.identity.fail_with(IdentityUnavailable("the provider does not answer"))
    with pytest.raises(IdentityUnavailable):
        await accounts.signed_in()
    with pytest.raises(IdentityUnavailable):
        await accounts.authenticate.execute(accounts.id_token)
    # Signed-in users are not affected.
    await accounts.authenticate.execute(signed_in.tokens.access.value)
    await accounts.refresh.execute(signed_in.tokens.refresh_token)


async def test_created_at_stays_the_first_sign_in(accounts: Accounts) -> None:
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


async def test_an_id_token_is_accepted_in_place_of_an_access_token(accounts: Accounts) -> None:
    known = await accounts.authenticate.execute(accounts.id_token)
    assert known.user == user("alice")
    assert known.expires_at is None
    assert await accounts.users.get("alice") == user("alice")


async def test_a_refresh_token_is_never_accepted_in_place_of_an_access_token(
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


async def test_expired_and_forged_access_tokens_are_refused(
    accounts: Accounts,
) -> None:
    access = (await accounts.signed_in()).tokens.access.value
    with pytest.raises(InvalidToken):
        await accounts.authenticate.execute(access + "x")
    accounts.clock.advance(ACCESS_LIFETIME_S)
    with pytest.raises(InvalidToken):
        await accounts.authenticate.execute(access)


async def test_an_access_token_of_an_unknown_user_is_refused(accounts: Accounts) -> None:
    access = accounts.tokens.issue_access("gone").value
    with pytest.raises(InvalidToken):
        await accounts.authenticate.execute(access)


async def test_each_refresh_token_works_once_and_returns_the_next(accounts: Accounts) -> None:
    token = (await accounts.signed_in()).tokens.refresh_token
    seen = {token}
    for _ in range(3):
        pair = await accounts.refresh.execute(token)
        known = await accounts.authenticate.execute(pair.access.value)
        assert known.user.user_id == "alice"
        token = pair.refresh_token
        assert token not in seen
        seen.add(token)


async def test_a_reused_refresh_token_revokes_its_family(
    accounts: Accounts,
) -> None:
    stolen = (await accounts.signed_in()).tokens.refresh_token
    elsewhere = (await accounts.signed_in()).tokens.refresh_token
    second = (await accounts.refresh.execute(stolen)).refresh_token
    third = (await accounts.refresh.execute(second)).refresh_token
    accounts.clock.advance(GRACE_S)
    assert await accounts.is_refused(stolen)
    assert await accounts.is_refused(third)
    assert not await accounts.is_refused(elsewhere)


async def test_two_tabs_that_refresh_at_once_both_stay_signed_in(accounts: Accounts) -> None:
    token = (await accounts.signed_in()).tokens.refresh_token
    first, second = await asyncio.gather(*(accounts.refresh.execute(token) for _ in range(2)))
    accounts.clock.advance(GRACE_S - 1)
    third = await accounts.refresh.execute(token)
    tabs = [first.refresh_token, second.refresh_token, third.refresh_token]
    assert len(set(tabs)) == 3
    accounts.clock.advance(GRACE_S)
    tabs = [(await accounts.refresh.execute(tab)).refresh_token for tab in tabs]
    # The token itself counts as stolen by now, which revokes the whole family.
    assert await accounts.is_refused(token)
    for tab in tabs:
        assert await accounts.is_refused(tab)


async def test_a_token_that_was_revoked_within_the_grace_stays_so(accounts: Accounts) -> None:
    token = (await accounts.signed_in()).tokens.refresh_token
    await accounts.refresh.execute(token)
    await accounts.refresh.revoke_all(user("alice"))
    assert await accounts.is_refused(token)


async def test_an_expired_refresh_token_is_refused(accounts: Accounts) -> None:
    token = (await accounts.signed_in()).tokens.refresh_token
    accounts.clock.advance(REFRESH_LIFETIME_S)
    assert await accounts.is_refused(token)


async def test_a_wrong_clock_does_not_end_sign_ins(accounts: Accounts) -> None:
    mine = (await accounts.signed_in()).tokens.refresh_token
    yours = (await accounts.signed_in()).tokens.refresh_token
    accounts.clock.advance(REFRESH_LIFETIME_S + 1)
    assert await accounts.is_refused("anything, without an account")
    assert await accounts.is_refused(yours)
    accounts.clock.advance(-REFRESH_LIFETIME_S)
    assert not await accounts.is_refused(mine)
    assert not await accounts.is_refused(yours)


async def test_revoking_ends_every_sign_in_of_one_user_only(
    accounts: Accounts,
) -> None:
    mine = [(await accounts.signed_in()).tokens.refresh_token for _ in range(2)]
    bobs_id_token = accounts.identity.enrol("bob@example.com", user=user("bob"))
    bobs = (await accounts.sign_in.execute(bobs_id_token)).tokens.refresh_token
    await accounts.refresh.execute(mine[0])
    assert await accounts.refresh.revoke_all(user("alice")) == 2, "a sign-in counts once"
    for token in mine:
        assert await accounts.is_refused(token)
    assert not await accounts.is_refused(bobs)
    assert await accounts.refresh.revoke_all(user("alice")) == 0


async def test_only_the_digest_of_a_refresh_token_is_stored(accounts: Accounts) -> None:
    kept = []

    class Watched(InMemoryRefreshTokenRepository):
        async def add(self, record):
            kept.append(record)

    accounts.sign_in = SignIn(
        identity=accounts.identity,
        users=accounts.users,
        refresh_tokens=Watched(),
        tokens=accounts.tokens,
        standing=accounts.standing,
        meter=accounts.service.meter,
    )
    token = (await accounts.signed_in()).tokens.refresh_token
    assert len(kept) == 1
    assert token not in repr(kept)


def test_a_first_visit_makes_a_guest_with_a_cookie(accounts: Accounts) -> None:
    first = accounts.welcome.execute(None, "192.0.2.1")
    assert first.guest.user_id.startswith("guest:")
    assert (first.guest.address, first.guest.created_at) == ("192.0.2.1", accounts.clock.now())


def test_the_cookie_identifies_the_guest_from_any_address(accounts: Accounts) -> None:
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


async def test_forged_cookies_give_no_more_than_the_limit_of_the_address(
    accounts: Accounts,
) -> None:
    meter = accounts.service.meter
    for number in range(6):
        visitor = accounts.welcome.execute(f"forged-{number}", "192.0.2.1").guest
        async with meter.charge(visitor):
            pass
    newcomer = accounts.welcome.execute("forged-again", "192.0.2.1").guest
    assert (await meter.usage(newcomer)).remaining == 0


async def test_guests_and_users_are_shown_what_they_used(accounts: Accounts) -> None:
    usage_of = accounts.service.meter.usage
    async with accounts.service.meter.charge(guest()):
        pass
    shown = await usage_of(guest())
    assert (shown.count, shown.remaining) == (1, 2)
    shown = await usage_of(user("alice"))
    assert (shown.count, shown.remaining) == (0, None)


async def test_a_token_is_accepted_while_the_users_cannot_be_looked_up(
    accounts: Accounts,
) -> None:
    access = (await accounts.signed_in()).tokens.access.value
    accounts.users.fail_with(StoreUnavailable("the store does not answer"))
    for token in (access, accounts.id_token):
        assert (await accounts.authenticate.execute(token)).user.user_id == "alice"
    with pytest.raises(InvalidToken):
        await accounts.authenticate.execute("forged")


async def test_callers_that_need_only_an_id_do_not_wait_for_a_slow_store(
    accounts: Accounts,
) -> None:
    access = (await accounts.signed_in()).tokens.access.value
    accounts.users.hold()
    for token in (access, accounts.id_token):
        async with asyncio.timeout(20):
            found = await accounts.authenticate.execute(token, id_is_enough=True)
        assert found.user.user_id == "alice"
    accounts.users.release()


async def test_a_disabled_account_cannot_be_refreshed(
    accounts: Accounts,
) -> None:
    signed_in, elsewhere = await accounts.signed_in(), await accounts.signed_in()
    accounts.identity.disable("alice")
    accounts.clock.advance(RECHECK_S - 1)
    pair = await accounts.refresh.execute(signed_in.tokens.refresh_token)
    assert accounts.identity.asked == 0, "the provider has vouched for it when it signed in"
    accounts.clock.advance(1)
    assert await accounts.is_refused(pair.refresh_token)
    assert await accounts.is_refused(elsewhere.tokens.refresh_token)
    with pytest.raises(InvalidToken):
        await accounts.authenticate.execute(pair.access.value)


async def test_sign_ins_revoked_at_the_provider_end_and_newer_ones_do_not(
    accounts: Accounts,
) -> None:
    old = await accounts.signed_in()
    accounts.clock.advance(60)
    accounts.identity.revoke_sign_ins("alice", accounts.clock.now())
    accounts.clock.advance(RECHECK_S)
    assert await accounts.is_refused(old.tokens.refresh_token)
    accounts.clock.advance(1)
    accounts.identity.enrol("alice@example.com", user=user("alice"), issued_at=accounts.clock.now())
    new = await accounts.signed_in()
    accounts.clock.advance(RECHECK_S)
    assert not await accounts.is_refused(new.tokens.refresh_token)


async def test_the_provider_is_asked_at_most_once_per_recheck_interval(
    accounts: Accounts,
) -> None:
    token = (await accounts.signed_in()).tokens.refresh_token
    for _ in range(10):
        accounts.clock.advance(RECHECK_S / 2)
        token = (await accounts.refresh.execute(token)).refresh_token
    assert accounts.identity.asked == 5
    accounts.clock.advance(RECHECK_S)
    accounts.identity.hold()
    at_once = [asyncio.create_task(accounts.refresh.execute(token)) for _ in range(5)]
    await asyncio.wait(at_once, return_when=asyncio.FIRST_COMPLETED)
    accounts.identity.release()
    await asyncio.gather(*at_once)
    assert accounts.identity.asked == 6


@pytest.mark.parametrize("outage", ["down", "slow"])
async def test_an_outage_of_the_provider_does_not_refuse_refreshing(
    accounts: Accounts, outage: str
) -> None:
    token = (await accounts.signed_in()).tokens.refresh_token
    accounts.clock.advance(RECHECK_S)
    if outage == "down":
        accounts.identity.fail_with(IdentityUnavailable("it does not answer"))
    else:
        accounts.identity.hold()
    async with asyncio.timeout(20):
        token = (await accounts.refresh.execute(token)).refresh_token
    accounts.identity.recover()
    accounts.identity.release()
    await asyncio.sleep(0)
    accounts.identity.disable("alice")
    if outage == "slow":  # the answer came late, and counts
        accounts.clock.advance(RECHECK_S)
    assert await accounts.is_refused(token), "what could not be asked is asked again"


@pytest.mark.parametrize("later_s", [0, 60])
async def test_an_operator_ends_every_sign_in_of_a_user(accounts: Accounts, later_s: float) -> None:
    signed_in = await accounts.signed_in()
    bobs_id_token = accounts.identity.enrol("bob@example.com", user=user("bob"))
    bobs = (await accounts.sign_in.execute(bobs_id_token)).tokens
    accounts.clock.advance(later_s)
    ended = await accounts.end_account.revoke("alice")
    assert (ended.was_known, ended.sign_ins) == (True, 1)
    assert await accounts.is_refused(signed_in.tokens.refresh_token)
    for token in (signed_in.tokens.access.value, accounts.id_token):
        with pytest.raises(InvalidToken):
            await accounts.authenticate.execute(token)
    with pytest.raises(InvalidToken):
        await accounts.signed_in()
    await accounts.authenticate.execute(bobs.access.value)
    assert not await accounts.is_refused(bobs.refresh_token)
    accounts.clock.advance(1)
    accounts.identity.enrol("alice@example.com", user=user("alice"), issued_at=accounts.clock.now())
    again = await accounts.signed_in()
    assert (await accounts.authenticate.execute(again.tokens.access.value)).user.user_id == "alice"


async def test_an_operator_erases_all_data_of_a_user(accounts: Accounts) -> None:
    service = accounts.service
    signed_in = await accounts.signed_in()
    stored, bobs = await service.stored(), await service.stored(service.bob)
    waiting = await service.accepted()
    async with service.meter.charge(user("alice")):
        pass
    accounts.clock.advance(60)
    ended = await accounts.end_account.erase("alice")
    assert (ended.was_known, ended.sign_ins, ended.records) == (True, 1, 2)
    assert await service.repository.count("alice", HistoryFilter()) == 0
    for record in (stored, waiting):
        assert await service.image_of(record) is None
    assert await service.image_of(bobs) is not None
    assert await accounts.users.get("alice") is None
    assert (await service.meter.usage(user("alice"))).count == 0
    # Earlier tokens are refused, and do not restore the profile.
    for token in (signed_in.tokens.access.value, accounts.id_token):
        with pytest.raises(InvalidToken):
            await accounts.authenticate.execute(token)
    assert await accounts.users.get("alice") is None
    again = await accounts.end_account.erase("alice")
    assert (again.was_known, again.records) == (False, 0)


async def test_an_erasure_that_meets_an_outage_is_finished_after_it(accounts: Accounts) -> None:
    service = accounts.service
    await accounts.signed_in()
    stored = await service.stored()
    accounts.clock.advance(60)
    parts = (accounts.stored_tokens, service.ledger, service.images)
    for part in parts:
        part.fail_with(StoreUnavailable("away"))
    erasing = asyncio.create_task(accounts.end_account.erase("alice"))
    for part in parts:
        await _let_pass(60, accounts)
        assert not erasing.done()
        part.recover()
    await _let_pass(60, accounts)
    ended = await asyncio.wait_for(erasing, 10)
    assert (ended.was_known, ended.sign_ins, ended.records) == (True, 1, 1)
    assert await service.image_of(stored) is None
    assert await service.repository.count("alice", HistoryFilter()) == 0
    assert await accounts.users.get("alice") is None


async def test_an_erasure_ends_with_an_error_if_the_outage_lasts(accounts: Accounts) -> None:
    accounts.stored_tokens.fail_with(StoreUnavailable("away"))
    erasing = asyncio.create_task(accounts.end_account.erase("alice"))
    await _let_pass(9 * 60, accounts)
    assert not erasing.done()
    await _let_pass(2 * 60, accounts)
    with pytest.raises(StoreUnavailable):
        await asyncio.wait_for(erasing, 10)


async def _let_pass(seconds: int, accounts: Accounts) -> None:
    for _ in range(seconds):
        await asyncio.sleep(0)
        accounts.clock.advance(1)


@pytest.mark.parametrize("seconds_before", [0, 1])
async def test_waiting_detections_of_an_erased_user_are_dropped_by_other_processes(
    accounts: Accounts, seconds_before: int
) -> None:
    service = accounts.service
    late = service.analysed()
    accounts.clock.advance(seconds_before)
    await accounts.end_account.erase("alice")
    await service.store.accept(late, PHOTO)
    await service.store.carry_due()
    assert await service.repository.count("alice", HistoryFilter()) == 0
    assert await service.image_of(late) is None
    assert await service.spool.waiting() == []
    accounts.clock.advance(1)
    await service.stored()
    assert await service.repository.count("alice", HistoryFilter()) == 1


async def test_a_code_is_not_used_up_while_signing_in_fails(accounts: Accounts) -> None:
    codes = SignInCodes(clock=accounts.clock)
    sign_in_by_code = SignInByCode(codes=codes, sign_in=accounts.sign_in)
    code = codes.issue(accounts.id_token)
    accounts.stored_tokens.fail_with(StoreUnavailable("away"))
    with pytest.raises(StoreUnavailable):
        await sign_in_by_code.execute(code)
    accounts.stored_tokens.recover()
    assert (await sign_in_by_code.execute(code)).user == user("alice")
    with pytest.raises(InvalidToken):
        await sign_in_by_code.execute(code)
