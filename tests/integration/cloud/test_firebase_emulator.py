"""Accounts in Firebase's emulator: signed in, disabled, revoked and deleted."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from adapters.circuit_breaker import CircuitBreaker
from adapters.firebase import FirebaseIdentityProvider, open_client
from application.errors import IdentityUnavailable
from domain.errors import InvalidToken
from tests.servers.firebase import PROJECT, FirebaseEmulator


@pytest.fixture
async def provider(
    firebase: FirebaseEmulator, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[FirebaseIdentityProvider]:
    monkeypatch.setenv("FIREBASE_AUTH_EMULATOR_HOST", firebase.host)
    provider = FirebaseIdentityProvider(
        client=open_client(service_account=None, project_id=PROJECT, timeout_s=10),
        timeout_s=20,
        breaker=CircuitBreaker("Firebase"),
        clock_skew_s=10,
    )
    yield provider
    provider.close()


async def test_a_new_account_is_verified_with_its_profile(
    firebase: FirebaseEmulator, provider: FirebaseIdentityProvider
) -> None:
    account = await firebase.sign_up("profile@example.com")
    photo = "https://example.com/p.jpg"
    await firebase.update(
        account["localId"], displayName="Pat Rofile", photoUrl=photo, emailVerified=True
    )
    user = await provider.verify(account["idToken"])
    assert (user.user_id, user.email) == (account["localId"], "profile@example.com")
    assert (user.display_name, user.photo_url) == ("Pat Rofile", photo)
    assert (user.is_email_verified, user.providers) == (True, ("password",))
    assert abs(datetime.now(UTC) - user.created_at) < timedelta(hours=1)


async def test_a_disabled_user_is_refused(
    firebase: FirebaseEmulator, provider: FirebaseIdentityProvider
) -> None:
    account = await firebase.sign_up("disabled@example.com")
    await firebase.update(account["localId"], disableUser=True)
    with pytest.raises(InvalidToken):
        await provider.verify(account["idToken"])


async def test_a_deleted_user_is_refused(
    firebase: FirebaseEmulator, provider: FirebaseIdentityProvider
) -> None:
    account = await firebase.sign_up("deleted@example.com")
    await firebase.delete(account["localId"])
    with pytest.raises(InvalidToken):
        await provider.verify(account["idToken"])


async def test_a_revoked_token_is_refused_and_the_user_may_sign_in_again(
    firebase: FirebaseEmulator, provider: FirebaseIdentityProvider
) -> None:
    account = await firebase.sign_up("revoked@example.com")
    await firebase.update(account["localId"], validSince=str(int(time.time()) + 1))
    with pytest.raises(InvalidToken):
        await provider.verify(account["idToken"])
    await firebase.update(account["localId"], validSince=str(int(time.time()) - 1))
    again = await firebase.sign_in("revoked@example.com")
    assert (await provider.verify(again["idToken"])).user_id == account["localId"]


async def test_the_check_passes_only_while_the_emulator_answers(
    provider: FirebaseIdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    await provider.check()
    monkeypatch.setenv("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:9")
    gone = FirebaseIdentityProvider(
        client=open_client(service_account=None, project_id=PROJECT, timeout_s=10),
        timeout_s=20,
        breaker=CircuitBreaker("Firebase"),
        clock_skew_s=10,
    )
    with pytest.raises(IdentityUnavailable):
        await gone.check()
    gone.close()
