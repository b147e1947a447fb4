import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.in_memory import InMemoryUserRepository
from adapters.mongodb import MongoUserRepository
from adapters.sqlite import SqliteUserRepository
from application.ports.user_repository import AccountEnd, UserRepository
from domain.user import User
from tests.samples import NOON, Fixture

REPOSITORIES: dict[str, Callable[[Fixture], UserRepository]] = {
    "in-memory": lambda fixture: InMemoryUserRepository(),
    "sqlite": lambda fixture: SqliteUserRepository(fixture("sqlite_database")),
    "mongodb": lambda fixture: MongoUserRepository(fixture("mongodb_database")),
}
ALICE = User(
    user_id="local:alice@example.com",
    email="alice@example.com",
    display_name="Älice 😀",
    photo_url="https://example.com/alice.jpg",
    is_email_verified=True,
    providers=("google.com", "password"),
    created_at=NOON,
)
NOBODY_KNOWN = User("u1", None, None, None, False, (), NOON)


@pytest.fixture(params=REPOSITORIES)
def repository(request: pytest.FixtureRequest) -> UserRepository:
    return REPOSITORIES[request.param](request.getfixturevalue)


@pytest.mark.parametrize("user", [ALICE, NOBODY_KNOWN])
async def test_a_user_comes_back_as_kept(repository: UserRepository, user: User) -> None:
    await repository.put(user)
    assert await repository.get(user.user_id) == user


async def test_an_unknown_user_is_none(repository: UserRepository) -> None:
    await repository.put(ALICE)
    assert await repository.get("local:ALICE@example.com") is None


async def test_putting_again_replaces_all_but_the_day_of_creation(
    repository: UserRepository,
) -> None:
    await repository.put(ALICE)
    changed = replace(ALICE, display_name=None, created_at=NOON + timedelta(days=9))
    await repository.put(changed)
    assert await repository.get(ALICE.user_id) == replace(changed, created_at=NOON)


async def test_concurrent_first_visits_agree_on_one_user(repository: UserRepository) -> None:
    visits = [replace(ALICE, created_at=NOON + timedelta(days=n)) for n in range(10)]
    await asyncio.gather(*map(repository.put, visits))
    assert await repository.get(ALICE.user_id) in visits


async def test_a_user_can_be_deleted(repository: UserRepository) -> None:
    await repository.put(ALICE)
    await repository.put(NOBODY_KNOWN)
    assert await repository.delete(ALICE.user_id)
    assert not await repository.delete(ALICE.user_id)
    assert await repository.get(ALICE.user_id) is None
    assert await repository.get(NOBODY_KNOWN.user_id) == NOBODY_KNOWN


async def test_the_end_and_the_erasure_of_an_account_are_dated(
    repository: UserRepository,
) -> None:
    assert await repository.end_of("alice") is None
    await repository.end("alice", NOON, erased=False)
    assert await repository.end_of("alice") == AccountEnd(NOON, None)
    later, last = NOON + timedelta(microseconds=1), NOON + timedelta(days=1)
    await repository.end("alice", later, erased=True)
    assert await repository.end_of("alice") == AccountEnd(later, later)
    await repository.end("alice", last, erased=False)
    assert await repository.end_of("alice") == AccountEnd(last, later)
    assert await repository.end_of("bob") is None
