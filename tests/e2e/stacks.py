"""The ways to run the service: which settings choose one, and how somebody signs in to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from adapters.local_auth import LocalIdentityProvider, load_or_create_secret
from adapters.system.clock import SystemClock
from tests.servers.cloudinary import API_KEY, API_SECRET, CLOUD
from tests.servers.firebase import PROJECT, FirebaseEmulator


class Stack(Protocol):
    """What differs from stack to stack; all the rest is the same service."""

    def settings(self) -> Mapping[str, str]:
        """The environment that chooses this stack, with stores of its own that begin empty."""
        ...

    async def id_token(self, email: str, data_dir: Path) -> str:
        """An ID token of this person, for a service that keeps its data in that folder."""
        ...


class EmbeddedStack:
    """No setting at all: SQLite, files, and tokens signed with the secret the service made."""

    def settings(self) -> Mapping[str, str]:
        return {}

    async def id_token(self, email: str, data_dir: Path) -> str:
        secret = load_or_create_secret(data_dir / "secret.key")
        provider = LocalIdentityProvider(secret=secret, clock=SystemClock())
        return provider.mint_id_token(email, lifetime_s=3600)


@dataclass(frozen=True)
class CloudStack:
    """MongoDB, Cloudinary and Firebase, each on this machine.

    Attributes:
        mongodb_uri: where MongoDB is.
        cloudinary_url: where Cloudinary is.
        firebase: makes the accounts.
        firebase_address: where the service finds it, as ``host:port``.
        changes: other settings.
    """

    mongodb_uri: str
    cloudinary_url: str
    firebase: FirebaseEmulator
    firebase_address: str
    changes: Mapping[str, str] = field(default_factory=dict)

    def settings(self) -> Mapping[str, str]:
        return {
            "ENVIRONMENT": "development",
            "SECRET_KEY": "of-the-cloud-stack-0123456789abcdef",
            "REPOSITORY": "mongodb",
            "MONGODB_URI": self.mongodb_uri,
            "MONGODB_NAME": f"test_{uuid4().hex[:12]}",
            "IMAGE_STORE": "cloudinary",
            "CLOUDINARY_CLOUD_NAME": CLOUD,
            "CLOUDINARY_API_KEY": API_KEY,
            "CLOUDINARY_API_SECRET": API_SECRET,
            "CLOUDINARY_UPLOAD_PREFIX": self.cloudinary_url,
            "CLOUDINARY_DELIVERY_URL": self.cloudinary_url,
            "AUTH": "firebase",
            "FIREBASE_PROJECT_ID": PROJECT,
            "FIREBASE_AUTH_EMULATOR_HOST": self.firebase_address,
            **self.changes,
        }

    async def id_token(self, email: str, data_dir: Path) -> str:
        account = await self.firebase.sign_up(email)
        return str(account["idToken"])
