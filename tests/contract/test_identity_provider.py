import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import jwt
import pytest

from adapters.firebase import FirebaseIdentityProvider
from adapters.in_memory import InMemoryClock, InMemoryIdentityProvider
from adapters.local_auth import JwtTokenService, LocalIdentityProvider
from application.ports.identity_provider import IdentityProvider
from application.ports.token_service import GuestClaims
from domain.errors import InvalidRequest, InvalidToken
from tests.samples import Fixture
from tests.servers.google import GoogleDouble

SECRET = "a secret that only the tests know, long enough"
HOUR_S = 3600


@dataclass(frozen=True)
class Enrolled:
    """A provider, and ID tokens of its users by e-mail address."""

    provider: IdentityProvider
    id_token_of: Callable[[str], str]


def in_memory() -> Enrolled:
    provider = InMemoryIdentityProvider()
    return Enrolled(provider, provider.enrol)


def local() -> Enrolled:
    provider = LocalIdentityProvider(secret=SECRET, clock=InMemoryClock())
    return Enrolled(provider, lambda email: provider.mint_id_token(email, HOUR_S))


def firebase(google: GoogleDouble, provider: FirebaseIdentityProvider) -> Enrolled:
    def id_token_of(email: str) -> str:
        user_id = hashlib.sha256(email.encode()).hexdigest()
        google.enrol(user_id, email=email, displayName=email.partition("@")[0])
        return google.token(user_id)

    return Enrolled(provider, id_token_of)


PROVIDERS: dict[str, Callable[[Fixture], Enrolled]] = {
    "in-memory": lambda fixture: in_memory(),
    "local": lambda fixture: local(),
    "firebase": lambda fixture: firebase(fixture("google"), fixture("firebase_provider")),
}


@pytest.fixture(params=PROVIDERS)
def enrolled(request: pytest.FixtureRequest) -> Enrolled:
    return PROVIDERS[request.param](request.getfixturevalue)


async def test_an_id_token_names_its_user(enrolled: Enrolled) -> None:
    user = await enrolled.provider.verify(enrolled.id_token_of("alice@example.com"))
    assert user.email == "alice@example.com"
    assert user.display_name == "alice"
    assert user.created_at.tzinfo is not None


async def test_a_user_keeps_one_id_and_shares_it_with_nobody(enrolled: Enrolled) -> None:
    emails = ["alice@example.com", "alice@example.com", "alice@example.org"]
    tokens = [enrolled.id_token_of(email) for email in emails]
    first, again, other = [(await enrolled.provider.verify(t)).user_id for t in tokens]
    assert first == again != other


@pytest.mark.parametrize(
    "nonsense", ["", "x", "a.b.c", "..", "é", "\udce9", "x" * 100_000, "[" * 5000 + ".e30.", "\x00"]
)
async def test_malformed_tokens_are_refused(enrolled: Enrolled, nonsense: str) -> None:
    with pytest.raises(InvalidToken):
        await enrolled.provider.verify(nonsense)


async def test_an_altered_token_is_refused(enrolled: Enrolled) -> None:
    token = enrolled.id_token_of("alice@example.com")
    middle = len(token) // 2
    changed = "A" if token[middle] != "A" else "B"
    for altered in (token[:-4], token + "x", token[:middle] + changed + token[middle + 1 :]):
        with pytest.raises(InvalidToken):
            await enrolled.provider.verify(altered)


async def test_a_working_provider_passes_its_check(enrolled: Enrolled) -> None:
    await enrolled.provider.check()


async def test_the_issue_time_of_a_token_and_the_state_of_its_account_are_known(
    enrolled: Enrolled,
) -> None:
    token = enrolled.id_token_of("alice@example.com")
    user = await enrolled.provider.verify(token)
    issued_at = enrolled.provider.issued_at(token)
    assert issued_at.tzinfo is not None
    assert await enrolled.provider.may_stay_signed_in(user.user_id, issued_at)
    assert await enrolled.provider.may_stay_signed_in(user.user_id, None)


# Only for tokens that the operator makes


async def test_case_and_spaces_in_an_address_do_not_make_a_second_user() -> None:
    provider = LocalIdentityProvider(secret=SECRET, clock=InMemoryClock())
    tokens = [provider.mint_id_token(e, HOUR_S) for e in ("alice@x.org", " Alice@X.org\n")]
    assert len({(await provider.verify(token)).user_id for token in tokens}) == 1


async def test_a_minted_token_expires() -> None:
    clock = InMemoryClock()
    provider = LocalIdentityProvider(secret=SECRET, clock=clock)
    token = provider.mint_id_token("alice@example.com", HOUR_S)
    clock.advance(HOUR_S - 1)
    assert await provider.verify(token)
    clock.advance(1)
    with pytest.raises(InvalidToken, match="expired"):
        await provider.verify(token)


async def test_a_token_signed_with_another_secret_or_none_is_refused() -> None:
    clock = InMemoryClock()
    provider = LocalIdentityProvider(secret=SECRET, clock=clock)
    other = LocalIdentityProvider(secret=SECRET[::-1], clock=clock)
    forged = other.mint_id_token("alice@example.com", HOUR_S)
    with pytest.raises(InvalidToken):
        await provider.verify(forged)
    claims = jwt.decode(forged, options={"verify_signature": False})
    header = {"typ": jwt.get_unverified_header(forged)["typ"]}
    with pytest.raises(InvalidToken):
        await provider.verify(jwt.encode(claims, "", algorithm="none", headers=header))


async def test_neither_an_access_token_nor_a_guest_cookie_nor_a_refresh_token_signs_in() -> None:
    clock = InMemoryClock()
    provider = LocalIdentityProvider(secret=SECRET, clock=clock)
    service = JwtTokenService(
        secret=SECRET,
        clock=clock,
        access_lifetime_s=HOUR_S,
        refresh_lifetime_s=HOUR_S,
        guest_lifetime_s=HOUR_S,
    )
    for token in (
        service.issue_access("local:alice@example.com").value,
        service.issue_guest(GuestClaims("local:alice@example.com", clock.now())),
        service.issue_refresh().value,
    ):
        with pytest.raises(InvalidToken):
            await provider.verify(token)


@pytest.mark.parametrize(
    "email",
    ["", "alice", "@", "alice@", "@x.org", "a b@x.org", "a\x00@x.org", "a" * 300 + "@x.org"],
)
def test_no_token_is_made_for_an_invalid_address(email: str) -> None:
    provider = LocalIdentityProvider(secret=SECRET, clock=InMemoryClock())
    with pytest.raises(InvalidRequest, match="e-mail"):
        provider.mint_id_token(email, HOUR_S)


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="32"):
        LocalIdentityProvider(secret="changeme", clock=InMemoryClock())
