import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.in_memory import InMemoryRefreshTokenRepository
from adapters.mongodb import MongoRefreshTokenRepository
from adapters.sqlite import SqliteRefreshTokenRepository
from application.ports.refresh_token_repository import RefreshTokenRecord, RefreshTokenRepository
from tests.samples import NOON, Fixture

REPOSITORIES: dict[str, Callable[[Fixture], RefreshTokenRepository]] = {
    "in-memory": lambda fixture: InMemoryRefreshTokenRepository(),
    "sqlite": lambda fixture: SqliteRefreshTokenRepository(fixture("sqlite_database")),
    "mongodb": lambda fixture: MongoRefreshTokenRepository(fixture("mongodb_database")),
}
LATER = NOON + timedelta(days=30)


@pytest.fixture(params=REPOSITORIES)
def tokens(request: pytest.FixtureRequest) -> RefreshTokenRepository:
    return REPOSITORIES[request.param](request.getfixturevalue)


def token(digest: str, *, user_id: str = "alice", family_id: str = "f1") -> RefreshTokenRecord:
    return RefreshTokenRecord(digest, user_id, family_id, LATER)


MOST = 5
BOUNDED: dict[str, Callable[[Fixture], RefreshTokenRepository]] = {
    "in-memory": lambda fixture: InMemoryRefreshTokenRepository(MOST),
    "sqlite": lambda fixture: SqliteRefreshTokenRepository(fixture("sqlite_database"), MOST),
    "mongodb": lambda fixture: MongoRefreshTokenRepository(fixture("mongodb_database"), MOST),
}


@pytest.fixture(params=BOUNDED)
def few_tokens(request: pytest.FixtureRequest) -> RefreshTokenRepository:
    """A repository that keeps five of each user."""
    return BOUNDED[request.param](request.getfixturevalue)


async def test_the_tokens_of_a_user_are_bounded(few_tokens: RefreshTokenRepository) -> None:
    tokens = few_tokens
    await tokens.add(token("of-bob", user_id="bob"))
    await tokens.add(token("used"))
    for number in range(MOST):
        record = token(str(number), family_id=f"f{number + 2}")
        await tokens.add(replace(record, expires_at=LATER + timedelta(number)))
        if number == 0:
            assert await tokens.rotate("used", "successor", LATER + timedelta(9), NOON)
    assert await tokens.find("used") is None
    kept = [await tokens.find(each) for each in ("of-bob", "successor", "1", "2", "3", "4")]
    assert all(kept)
    assert await tokens.find("0") is None, "of those that are valid it expires first"
    assert await tokens.rotate("successor", "next", LATER - timedelta(1), NOON)
    assert await tokens.find("successor") is None, "a used one goes before a valid one"
    assert await tokens.find("next"), "the new one stays, although it expires first"


async def test_a_token_works_once_and_its_successor_after_it(
    tokens: RefreshTokenRepository,
) -> None:
    await tokens.add(token("first"))
    longer = LATER + timedelta(days=1)
    successor = await tokens.rotate("first", "second", longer, NOON)
    assert successor == RefreshTokenRecord("second", "alice", "f1", longer)
    third = await tokens.rotate("second", "third", longer, NOON)
    assert third is not None
    assert third.digest == "third"


async def test_rotating_an_unknown_token_returns_none(tokens: RefreshTokenRepository) -> None:
    assert await tokens.rotate("unknown", "second", LATER, NOON) is None
    assert await tokens.rotate("second", "third", LATER, NOON) is None


async def test_a_used_token_presented_again_revokes_its_whole_family(
    tokens: RefreshTokenRepository,
) -> None:
    await tokens.add(token("first"))
    await tokens.add(token("other", family_id="f2"))
    assert await tokens.rotate("first", "second", LATER, NOON)
    assert await tokens.rotate("first", "stolen", LATER, NOON) is None
    assert await tokens.rotate("second", "third", LATER, NOON) is None
    assert await tokens.rotate("stolen", "fourth", LATER, NOON) is None
    assert await tokens.rotate("other", "next", LATER, NOON), "another sign-in is not touched"


async def test_one_of_many_concurrent_uses_succeeds(tokens: RefreshTokenRepository) -> None:
    await tokens.add(token("first"))
    uses = (tokens.rotate("first", f"next-{n}", LATER, NOON) for n in range(20))
    successors = [s for s in await asyncio.gather(*uses) if s is not None]
    assert len(successors) == 1
    # The others were reuse, so even the successful one is revoked by now.
    assert await tokens.rotate(successors[0].digest, "more", LATER, NOON) is None


async def test_within_the_grace_every_use_gets_a_successor(tokens: RefreshTokenRepository) -> None:
    await tokens.add(token("first"))
    uses = (tokens.rotate("first", f"next-{n}", LATER, NOON, grace_s=10) for n in range(8))
    successors = [s for s in await asyncio.gather(*uses) if s is not None]
    assert {s.digest for s in successors} == {f"next-{n}" for n in range(8)}
    assert {(s.user_id, s.family_id) for s in successors} == {("alice", "f1")}
    soon = NOON + timedelta(seconds=9)
    assert await tokens.rotate("first", "last", LATER, soon, grace_s=10)
    for n in range(8):
        assert await tokens.rotate(f"next-{n}", f"after-{n}", LATER, soon, grace_s=10)


@pytest.mark.parametrize("after_s", [10, 3600, -3600])
async def test_a_use_after_the_grace_revokes_the_whole_family(
    tokens: RefreshTokenRepository, after_s: int
) -> None:
    await tokens.add(token("first"))
    for name in ("one", "two"):
        assert await tokens.rotate("first", name, LATER, NOON, grace_s=10)
    assert await tokens.rotate("one", "three", LATER, NOON, grace_s=10)
    late = NOON + timedelta(seconds=after_s)
    assert await tokens.rotate("first", "stolen", LATER, late, grace_s=10) is None
    # Also tokens that are within their grace.
    for digest in ("one", "two", "three", "stolen", "first"):
        assert await tokens.rotate(digest, f"{digest}-next", LATER, late, grace_s=10) is None


async def test_a_revocation_ends_the_grace(tokens: RefreshTokenRepository) -> None:
    await tokens.add(token("first"))
    assert await tokens.rotate("first", "second", LATER, NOON, grace_s=10)
    assert await tokens.revoke_user("alice") == 1
    assert await tokens.rotate("first", "third", LATER, NOON, grace_s=10) is None
    assert await tokens.rotate("third", "fourth", LATER, NOON, grace_s=10) is None


async def test_a_concurrent_revocation_also_revokes_the_successor(
    tokens: RefreshTokenRepository,
) -> None:
    await tokens.add(token("first"))
    uses = [tokens.rotate("first", f"next-{n}", LATER, NOON, grace_s=10) for n in range(20)]
    await asyncio.gather(*uses[:10], tokens.revoke_user("alice"), *uses[10:])
    for n in range(20):
        assert await tokens.rotate(f"next-{n}", f"after-{n}", LATER, NOON, grace_s=10) is None


async def test_a_token_is_found_whatever_its_state(tokens: RefreshTokenRepository) -> None:
    first = replace(token("first"), signed_in_at=NOON - timedelta(microseconds=1))
    await tokens.add(first)
    assert await tokens.find("first") == first
    second = await tokens.rotate("first", "second", LATER, NOON)
    assert second == replace(first, digest="second")
    assert await tokens.find("first") == first
    assert await tokens.find("second") == second
    await tokens.revoke_user("alice")
    assert await tokens.find("second") == second
    assert await tokens.find("unknown") is None


async def test_the_tokens_of_a_user_can_be_deleted(tokens: RefreshTokenRepository) -> None:
    await tokens.add(token("a1"))
    await tokens.add(token("b1", user_id="bob", family_id="f3"))
    await tokens.rotate("a1", "a2", LATER, NOON)
    await tokens.delete_user("alice")
    assert await tokens.find("a1") is None
    assert await tokens.find("a2") is None
    assert await tokens.find("b1") is not None


async def test_a_token_is_valid_until_it_expires(tokens: RefreshTokenRepository) -> None:
    await tokens.add(token("first"))
    await tokens.add(token("other", family_id="f2"))
    tick = timedelta(microseconds=1)
    assert await tokens.rotate("other", "next", LATER, LATER - tick) is not None
    assert await tokens.rotate("first", "second", LATER, LATER) is None


async def test_revoking_a_user_ends_only_that_users_sign_ins(
    tokens: RefreshTokenRepository,
) -> None:
    await tokens.add(token("a1"))
    await tokens.add(token("a2", family_id="f2"))
    await tokens.add(token("b1", user_id="bob", family_id="f3"))
    assert await tokens.rotate("a1", "a1-next", LATER, NOON)
    assert await tokens.revoke_user("alice") == 2
    assert await tokens.revoke_user("alice") == 0
    assert await tokens.rotate("a1-next", "x", LATER, NOON) is None
    assert await tokens.rotate("a2", "y", LATER, NOON) is None
    assert await tokens.rotate("b1", "b1-next", LATER, NOON)


async def test_only_expired_tokens_are_deleted(tokens: RefreshTokenRepository) -> None:
    await tokens.add(token("first"))
    await tokens.rotate("first", "second", LATER + timedelta(days=1), NOON)
    assert await tokens.delete_expired(NOON) == 0
    assert await tokens.delete_expired(LATER) == 1
    assert await tokens.rotate("second", "third", LATER, NOON)


async def test_adding_a_token_again_does_not_renew_it(tokens: RefreshTokenRepository) -> None:
    await tokens.add(token("first"))
    await tokens.revoke_user("alice")
    await tokens.add(token("first"))
    assert await tokens.rotate("first", "second", LATER, NOON) is None
