from collections.abc import Callable
from datetime import timedelta

import jwt
import pytest

from adapters.in_memory import InMemoryClock, InMemoryTokenService
from adapters.local_auth import JwtTokenService, LocalIdentityProvider
from application.ports.token_service import GuestClaims, TokenService
from domain.errors import InvalidToken

SECRET = "a secret that only the tests know, long enough"
ACCESS_S, REFRESH_S, GUEST_S = 7200, 86_400, 43_200


def in_memory(clock: InMemoryClock) -> TokenService:
    return InMemoryTokenService(
        clock=clock,
        access_lifetime_s=ACCESS_S,
        refresh_lifetime_s=REFRESH_S,
        guest_lifetime_s=GUEST_S,
    )


def signed(clock: InMemoryClock, secret: str = SECRET, *, clock_skew_s: int = 0) -> TokenService:
    return JwtTokenService(
        secret=secret,
        clock=clock,
        access_lifetime_s=ACCESS_S,
        refresh_lifetime_s=REFRESH_S,
        guest_lifetime_s=GUEST_S,
        clock_skew_s=clock_skew_s,
    )


SERVICES: dict[str, Callable[[InMemoryClock], TokenService]] = {
    "in-memory": in_memory,
    "jwt": signed,
}
NONSENSE = ["", "x", "a.b.c", "..", "é", "\udce9", "x" * 100_000, "[" * 5000 + ".e30.", "\x00"]


@pytest.fixture
def clock() -> InMemoryClock:
    return InMemoryClock()


@pytest.fixture(params=SERVICES)
def tokens(request: pytest.FixtureRequest, clock: InMemoryClock) -> TokenService:
    return SERVICES[request.param](clock)


def test_an_access_token_names_its_user_until_it_expires(
    tokens: TokenService, clock: InMemoryClock
) -> None:
    token = tokens.issue_access("local:älice@example.com")
    assert token.expires_in_s == ACCESS_S
    assert tokens.is_access(token.value)
    claims = tokens.verify_access(token.value)
    assert claims.user_id == "local:älice@example.com"
    assert claims.issued_at == clock.now()
    assert claims.expires_at == clock.now() + timedelta(seconds=ACCESS_S)
    clock.advance(ACCESS_S - 1)
    assert tokens.verify_access(token.value) == claims
    clock.advance(1)
    with pytest.raises(InvalidToken):
        tokens.verify_access(token.value)


def test_an_expired_access_token_still_claims_to_be_one(
    tokens: TokenService, clock: InMemoryClock
) -> None:
    token = tokens.issue_access("alice").value
    clock.advance(ACCESS_S)
    assert tokens.is_access(token)


def test_two_access_tokens_of_the_same_time_differ(tokens: TokenService) -> None:
    assert tokens.issue_access("alice").value != tokens.issue_access("alice").value


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_malformed_text_is_not_accepted_as_any_token(tokens: TokenService, nonsense: str) -> None:
    assert not tokens.is_access(nonsense)
    assert tokens.verify_guest(nonsense) is None
    with pytest.raises(InvalidToken):
        tokens.verify_access(nonsense)
    assert tokens.digest(nonsense) == tokens.digest(nonsense)


def test_refresh_tokens_are_secrets_known_by_their_digest(
    tokens: TokenService, clock: InMemoryClock
) -> None:
    first, second = tokens.issue_refresh(), tokens.issue_refresh()
    assert first.value != second.value
    assert tokens.digest(first.value) == first.digest
    assert first.digest != second.digest
    assert first.value not in first.digest
    assert first.expires_at == clock.now() + timedelta(seconds=REFRESH_S)


def test_a_guest_cookie_names_its_guest_until_it_expires(
    tokens: TokenService, clock: InMemoryClock
) -> None:
    clock.advance(0.123456)
    claims = GuestClaims("guest:0815", clock.now())
    cookie = tokens.issue_guest(claims)
    assert tokens.verify_guest(cookie) == claims
    clock.advance(GUEST_S - 1)
    assert tokens.verify_guest(cookie) == claims
    clock.advance(2)
    assert tokens.verify_guest(cookie) is None


def test_a_token_is_not_accepted_as_another_kind(
    tokens: TokenService, clock: InMemoryClock
) -> None:
    access = tokens.issue_access("alice").value
    refresh = tokens.issue_refresh().value
    cookie = tokens.issue_guest(GuestClaims("alice", clock.now()))
    assert tokens.verify_guest(access) is None
    assert tokens.verify_guest(refresh) is None
    for other in (refresh, cookie):
        assert not tokens.is_access(other)
        with pytest.raises(InvalidToken):
            tokens.verify_access(other)


# Only for signed tokens


def test_a_forged_or_altered_token_is_refused(clock: InMemoryClock) -> None:
    tokens, others = signed(clock), signed(clock, SECRET[::-1])
    forged = others.issue_access("alice").value
    head, body, _ = tokens.issue_access("alice").value.split(".")
    _, others_body, signature = tokens.issue_access("bob").value.split(".")
    for token in (forged, f"{head}.{body}.", f"{head}.{body}.{signature}", f"{head}.{others_body}"):
        with pytest.raises(InvalidToken):
            tokens.verify_access(token)
    cookie = others.issue_guest(GuestClaims("guest:1", clock.now()))
    assert tokens.verify_guest(cookie) is None


@pytest.mark.parametrize("algorithm", ["none", "HS512"])
def test_a_token_cannot_choose_its_own_algorithm(clock: InMemoryClock, algorithm: str) -> None:
    tokens = signed(clock)
    genuine = tokens.issue_access("alice").value
    claims = jwt.decode(genuine, options={"verify_signature": False})
    header = {"typ": jwt.get_unverified_header(genuine)["typ"]}
    key = "" if algorithm == "none" else SECRET * 2
    forged = jwt.encode(claims, key, algorithm=algorithm, headers=header)
    with pytest.raises(InvalidToken):
        tokens.verify_access(forged)


def test_a_signed_cookie_with_the_header_of_an_access_token_is_refused(
    clock: InMemoryClock,
) -> None:
    tokens = signed(clock)
    cookie = tokens.issue_guest(GuestClaims("local:alice@example.com", clock.now()))
    claims = jwt.decode(cookie, options={"verify_signature": False})
    access_head = jwt.get_unverified_header(tokens.issue_access("x").value)
    disguised = jwt.encode(claims, SECRET, headers={"typ": access_head["typ"]})
    assert tokens.is_access(disguised)
    with pytest.raises(InvalidToken):
        tokens.verify_access(disguised)


def test_an_id_token_is_not_accepted_as_an_access_token(clock: InMemoryClock) -> None:
    provider = LocalIdentityProvider(secret=SECRET, clock=clock)
    id_token = provider.mint_id_token("alice@example.com", 60)
    tokens = signed(clock)
    assert not tokens.is_access(id_token)
    with pytest.raises(InvalidToken):
        tokens.verify_access(id_token)
    assert tokens.verify_guest(id_token) is None


def test_tokens_are_valid_in_every_process_with_the_same_secret(clock: InMemoryClock) -> None:
    value = signed(clock).issue_access("alice").value
    assert signed(clock).verify_access(value).user_id == "alice"


def test_a_refresh_token_is_unknown_under_another_secret(clock: InMemoryClock) -> None:
    token = signed(clock).issue_refresh()
    assert signed(clock).digest(token.value) == token.digest
    assert signed(clock, SECRET[::-1]).digest(token.value) != token.digest


def test_a_short_secret_is_refused(clock: InMemoryClock) -> None:
    with pytest.raises(ValueError, match="32"):
        signed(clock, "changeme")


def test_an_expired_token_is_accepted_within_the_clock_tolerance(clock: InMemoryClock) -> None:
    tokens = signed(clock, clock_skew_s=10)
    access = tokens.issue_access("alice").value
    cookie = tokens.issue_guest(GuestClaims("guest:1", clock.now()))
    accepted_until = clock.now() + timedelta(seconds=ACCESS_S + 10)
    assert tokens.verify_access(access).expires_at == accepted_until
    clock.advance(ACCESS_S + 9)
    assert tokens.verify_access(access).user_id == "alice"
    clock.advance(1)
    with pytest.raises(InvalidToken, match="expired"):
        tokens.verify_access(access)
    clock.advance(GUEST_S - ACCESS_S - 1)
    assert tokens.verify_guest(cookie) is not None
    clock.advance(1)
    assert tokens.verify_guest(cookie) is None


@pytest.mark.parametrize(
    ("ahead_s", "accepted"), [(0, True), (9, True), (11, False), (3600, False)]
)
def test_a_token_from_a_clock_ahead_is_accepted_within_the_tolerance(
    clock: InMemoryClock, ahead_s: int, accepted: bool
) -> None:
    ahead = InMemoryClock(clock.now() + timedelta(seconds=ahead_s))
    access = signed(ahead).issue_access("alice").value
    tokens = signed(clock, clock_skew_s=10)
    if accepted:
        assert tokens.verify_access(access).user_id == "alice"
    else:
        with pytest.raises(InvalidToken, match="future"):
            tokens.verify_access(access)


@pytest.mark.parametrize(
    "changed", [{"exp": 1e300}, {"exp": "soon"}, {"iat": -1e300}, {"iat": None}]
)
def test_a_token_with_invalid_times_is_refused(
    clock: InMemoryClock, changed: dict[str, object]
) -> None:
    tokens = signed(clock)
    value = tokens.issue_access("alice").value
    claims = jwt.decode(value, options={"verify_signature": False})
    header = {"typ": jwt.get_unverified_header(value)["typ"]}
    odd = jwt.encode(claims | changed, SECRET, algorithm="HS256", headers=header)
    with pytest.raises(InvalidToken):
        tokens.verify_access(odd)
