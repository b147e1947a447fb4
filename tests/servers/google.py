"""A double of Google's services behind Firebase: certificates and accounts, with real RS256."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from firebase_admin import auth

from adapters.circuit_breaker import CircuitBreaker
from adapters.firebase import FirebaseIdentityProvider, open_client

PROJECT = "demo-emotion"


@dataclass(frozen=True)
class SigningKey:
    """A private key and its certificate."""

    key_id: str
    private_key: rsa.RSAPrivateKey
    certificate: str

    @classmethod
    def made(cls, key_id: str) -> "SigningKey":
        """A new key."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .sign(key, hashes.SHA256())
        )
        pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
        return cls(key_id, key, pem)


@dataclass
class GoogleDouble:
    """Serves certificates and accounts, and can fail."""

    keys: list[SigningKey] = field(default_factory=list)
    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    certificates_status: int = 200
    certificates_text: str | None = None
    accounts_status: int = 200
    accounts_text: str | None = None
    lookups: int = 0
    url: str = ""

    def enrol(self, user_id: str, **fields: object) -> None:
        """Make an account."""
        self.accounts[user_id] = {
            "localId": user_id,
            "email": f"{user_id}@example.com",
            "emailVerified": True,
            "displayName": user_id.title(),
            "photoUrl": f"https://example.com/{user_id}.jpg",
            "providerUserInfo": [{"providerId": "google.com", "rawId": "1"}],
            "createdAt": "1767225600000",
            "validSince": "0",
            **fields,
        }

    def token(self, user_id: str, *, key: SigningKey | None = None, **claims: object) -> str:
        """An ID token as Firebase would sign it, with the given claims changed."""
        key = key or self.keys[-1]
        now = int(time.time())
        payload = {
            "iss": f"https://securetoken.google.com/{PROJECT}",
            "aud": PROJECT,
            "sub": user_id,
            "user_id": user_id,
            "auth_time": now - 10,
            "iat": now - 10,
            "exp": now + 3600,
            "firebase": {"sign_in_provider": "google.com"},
            **claims,
        }
        return jwt.encode(payload, key.private_key, algorithm="RS256", headers={"kid": key.key_id})

    async def serve_certificates(self, request: web.Request) -> web.Response:
        """The answer of the certificate address."""
        if self.certificates_text is not None:
            return web.Response(text=self.certificates_text)
        found = {key.key_id: key.certificate for key in self.keys}
        return web.json_response(
            found, status=self.certificates_status, headers={"Cache-Control": "no-store"}
        )

    async def look_up(self, request: web.Request) -> web.Response:
        """The answer of the account look-up."""
        self.lookups += 1
        if self.accounts_text is not None:
            return web.Response(text=self.accounts_text)
        if self.accounts_status != 200:
            error = {"error": {"code": self.accounts_status, "message": "INTERNAL"}}
            return web.json_response(error, status=self.accounts_status)
        wanted = (await request.json())["localId"]
        found = [self.accounts[user_id] for user_id in wanted if user_id in self.accounts]
        return web.json_response({"users": found} if found else {})

    def client(self) -> auth.Client:
        """The SDK's real client, with its addresses changed to this double."""
        client = open_client(service_account=None, project_id=PROJECT, timeout_s=5)
        client._token_verifier.id_token_verifier.cert_url = f"{self.url}/certificates"
        client._user_manager.base_url = f"{self.url}/v1/projects/{PROJECT}"
        return client

    def provider(self, breaker: CircuitBreaker | None = None) -> FirebaseIdentityProvider:
        """The real adapter, connected to this double."""
        return FirebaseIdentityProvider(
            client=self.client(),
            timeout_s=10,
            breaker=breaker or CircuitBreaker("Firebase"),
            clock_skew_s=10,
        )


@asynccontextmanager
async def google_double() -> AsyncIterator[GoogleDouble]:
    """A double for the length of the block."""
    double = GoogleDouble([SigningKey.made("first")])
    app = web.Application()
    app.router.add_get("/certificates", double.serve_certificates)
    app.router.add_post("/v1/projects/{project}/accounts:lookup", double.look_up)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    double.url = f"http://{host}:{port}"
    try:
        yield double
    finally:
        await runner.cleanup()
