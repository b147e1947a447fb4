"""Firebase ID tokens with real signatures, verified with certificates served on loopback."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from adapters.circuit_breaker import CircuitBreaker
from adapters.firebase import FirebaseIdentityProvider, open_client
from adapters.in_memory import InMemoryTelemetry
from application.errors import IdentityUnavailable
from domain.errors import InvalidToken
from domain.user import User
from tests.servers.google import PROJECT, GoogleDouble, SigningKey


@pytest.fixture
def provider(
    google: GoogleDouble, firebase_provider: FirebaseIdentityProvider
) -> FirebaseIdentityProvider:
    google.enrol("alice")
    return firebase_provider


async def test_a_signed_token_names_its_user(
    google: GoogleDouble, provider: FirebaseIdentityProvider
) -> None:
    assert await provider.verify(google.token("alice")) == User(
        user_id="alice",
        email="alice@example.com",
        display_name="Alice",
        photo_url="https://example.com/alice.jpg",
        is_email_verified=True,
        providers=("google.com",),
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


async def test_a_user_without_a_profile_is_accepted(
    google: GoogleDouble, provider: FirebaseIdentityProvider
) -> None:
    google.accounts["bob"] = {"localId": "bob", "validSince": "0"}
    user = await provider.verify(google.token("bob", firebase={"sign_in_provider": "anonymous"}))
    assert (user.email, user.display_name, user.is_email_verified) == (None, None, False)
    assert user.providers == ("anonymous",)


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": int(time.time()) - 60},
        {"iat": int(time.time()) + 3600},
        {"aud": "another-project"},
        {"iss": "https://securetoken.google.com/another-project"},
        {"iss": "https://evil.example.com"},
        {"sub": ""},
        {"sub": "x" * 200},
    ],
    ids=lambda claims: next(iter(claims)),
)
async def test_a_token_with_a_wrong_claim_is_refused(
    google: GoogleDouble, provider: FirebaseIdentityProvider, claims: dict[str, Any]
) -> None:
    with pytest.raises(InvalidToken):
        await provider.verify(google.token("alice", **claims))


@pytest.mark.parametrize(
    ("ahead_s", "accepted"), [(-10, True), (1, True), (8, True), (30, False), (90, False)]
)
async def test_a_token_from_the_future_is_accepted_within_the_tolerance(
    google: GoogleDouble, provider: FirebaseIdentityProvider, ahead_s: int, accepted: bool
) -> None:
    iat = int(time.time()) + ahead_s
    token = google.token("alice", iat=iat, auth_time=iat, exp=iat + 3600)
    if accepted:
        assert (await provider.verify(token)).user_id == "alice"
    else:
        with pytest.raises(InvalidToken):
            await provider.verify(token)


async def test_a_token_signed_by_another_key_is_refused(
    google: GoogleDouble, provider: FirebaseIdentityProvider
) -> None:
    stranger = SigningKey.made("first")  # the same name, another key
    with pytest.raises(InvalidToken):
        await provider.verify(google.token("alice", key=stranger))
    with pytest.raises(InvalidToken):
        await provider.verify(google.token("alice", key=SigningKey.made("unknown")))


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
async def test_a_token_that_names_another_algorithm_is_refused(
    google: GoogleDouble, provider: FirebaseIdentityProvider, algorithm: str
) -> None:
    claims = jwt.decode(google.token("alice"), options={"verify_signature": False})
    # Signed with the public certificate: algorithm confusion.
    key = "" if algorithm == "none" else "x" * 32
    forged = jwt.encode(claims, key, algorithm=algorithm, headers={"kid": "first"})
    with pytest.raises(InvalidToken):
        await provider.verify(forged)


async def test_a_modified_token_is_refused(
    google: GoogleDouble, provider: FirebaseIdentityProvider
) -> None:
    header, _, signature = google.token("alice").split(".")
    google.enrol("root")
    payload = google.token("root").split(".")[1]
    with pytest.raises(InvalidToken):
        await provider.verify(f"{header}.{payload}.{signature}")


@pytest.mark.parametrize("text", ["", "no token", "a.b.c", "é.é.é", "e30.e30.", "." * 5000])
async def test_text_that_is_not_a_token_is_refused(
    provider: FirebaseIdentityProvider, text: str
) -> None:
    with pytest.raises(InvalidToken):
        await provider.verify(text)


async def test_keys_may_rotate_while_the_service_runs(
    google: GoogleDouble, provider: FirebaseIdentityProvider
) -> None:
    old = google.token("alice")
    await provider.verify(old)
    google.keys.append(SigningKey.made("second"))
    await provider.verify(google.token("alice"))
    await provider.verify(old)
    del google.keys[0]
    with pytest.raises(InvalidToken):
        await provider.verify(old)


async def test_disabled_deleted_and_revoked_users_are_refused(
    google: GoogleDouble, provider: FirebaseIdentityProvider
) -> None:
    google.enrol("disabled", disabled=True)
    google.enrol("revoked", validSince=str(int(time.time())))
    for user_id in ("disabled", "deleted", "revoked"):
        with pytest.raises(InvalidToken):
            await provider.verify(google.token(user_id))


async def test_disabled_deleted_and_revoked_accounts_may_not_stay_signed_in(
    google: GoogleDouble, provider: FirebaseIdentityProvider
) -> None:
    signed_in_at = datetime.now(UTC)
    assert await provider.may_stay_signed_in("alice", signed_in_at)
    google.enrol("disabled", disabled=True)
    google.enrol("revoked", validSince=str(int(time.time()) + 60))
    for user_id in ("disabled", "deleted", "revoked"):
        assert not await provider.may_stay_signed_in(user_id, signed_in_at)
    assert await provider.may_stay_signed_in("revoked", signed_in_at + timedelta(seconds=120))
    google.accounts_status = 500
    with pytest.raises(IdentityUnavailable):
        await provider.may_stay_signed_in("alice", signed_in_at)


@pytest.mark.parametrize("outage", ["status", "nonsense", "gone"])
async def test_without_certificates_a_token_is_neither_accepted_nor_refused(
    google: GoogleDouble, outage: str
) -> None:
    google.enrol("alice")
    client = google.client()
    if outage == "status":
        google.certificates_status = 503
    elif outage == "nonsense":
        google.certificates_text = "<html>sign in to the hotel's network</html>"
    else:
        client._token_verifier.id_token_verifier.cert_url = "http://127.0.0.1:9/certificates"
    telemetry = InMemoryTelemetry()
    provider = FirebaseIdentityProvider(
        client=client,
        timeout_s=10,
        breaker=CircuitBreaker("Firebase"),
        clock_skew_s=10,
        telemetry=telemetry,
    )
    with pytest.raises(IdentityUnavailable):
        await provider.verify(google.token("alice"))
    provider.close()
    assert telemetry.counts["certificate_fetch_failed"] == 1, "what an operator can look for"


async def test_without_the_account_look_up_a_token_is_neither_accepted_nor_refused(
    google: GoogleDouble, provider: FirebaseIdentityProvider
) -> None:
    google.accounts_status = 401
    with pytest.raises(IdentityUnavailable):
        await provider.verify(google.token("alice"))
    with pytest.raises(IdentityUnavailable):
        await provider.check()
    google.accounts_status = 200
    await provider.check()


async def test_forged_tokens_do_not_open_the_circuit(google: GoogleDouble) -> None:
    google.enrol("alice")
    provider = google.provider(CircuitBreaker("Firebase", pause_s=3600))
    for _ in range(5):
        with pytest.raises(InvalidToken):
            await provider.verify(google.token("alice", key=SigningKey.made("unknown")))
    await provider.verify(google.token("alice"))
    provider.close()


async def test_a_provider_that_is_down_is_not_called_during_the_pause(
    google: GoogleDouble,
) -> None:
    google.enrol("alice")
    provider = google.provider(CircuitBreaker("Firebase", pause_s=3600))
    google.accounts_status = 401
    for _ in range(10):
        with pytest.raises(IdentityUnavailable):
            await provider.verify(google.token("alice"))
    assert google.lookups == 3
    provider.close()


async def test_frequent_readiness_checks_cost_one_look_up(
    google: GoogleDouble, provider: FirebaseIdentityProvider
) -> None:
    for _ in range(5):
        await provider.check()
    assert google.lookups == 1


@pytest.mark.parametrize("key", ["", "[]", "{}", '{"type": "service_account", "private_key": "x"}'])
def test_an_unusable_key_is_refused_without_being_quoted(key: str) -> None:
    with pytest.raises(IdentityUnavailable) as refused:
        open_client(service_account=key, project_id=PROJECT, timeout_s=5)
    assert str(refused.value) == "the Firebase service account key cannot be used"
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    "text",
    ["<html>", "7", '{"users": 7}', '{"users": [7]}', '{"users": [{}]}',
     '{"users": [{"localId": "alice", "validSince": "soon"}]}',
     '{"users": [{"localId": "alice", "validSince": "0", "createdAt": "1e99"}]}'],
)  # fmt: skip
async def test_an_unreadable_account_is_an_outage_and_not_a_bad_token(
    google: GoogleDouble, provider: FirebaseIdentityProvider, text: str
) -> None:
    google.accounts_text = text
    with pytest.raises(IdentityUnavailable):
        await provider.verify(google.token("alice"))
