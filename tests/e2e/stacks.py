"""The stacks to run the service on: their settings, and how users sign in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from adapters.local_auth import LocalIdentityProvider, load_or_create_secret
from adapters.system.clock import SystemClock
from tests.servers.cloudinary import API_KEY, API_SECRET, CLOUD
from tests.servers.firebase import PROJECT, FirebaseEmulator

SHARED_SECRET = "of-several-processes-0123456789abcdef"


class Stack(Protocol):
    """What differs between stacks."""

    def settings(self) -> Mapping[str, str]:
        """The environment for this stack, with empty stores of its own."""
        ...

    async def id_token(self, email: str, data_dir: Path) -> str:
        """An ID token of this user, for a service with this data folder."""
        ...


class EmbeddedStack:
    """No settings: SQLite, files, and tokens signed with the generated secret."""

    def settings(self) -> Mapping[str, str]:
        return {}

    async def id_token(self, email: str, data_dir: Path) -> str:
        secret = load_or_create_secret(data_dir / "secret.key")
        return mint_id_token(secret, email)


def mint_id_token(secret: str, email: str) -> str:
    """An ID token of the local provider, valid for an hour."""
    provider = LocalIdentityProvider(secret=secret, clock=SystemClock())
    return provider.mint_id_token(email, lifetime_s=3600)


def cloudinary_settings(url: str) -> Mapping[str, str]:
    """Images and videos in the Cloudinary at this address."""
    return {
        "IMAGE_STORE": "cloudinary",
        "CLOUDINARY_CLOUD_NAME": CLOUD,
        "CLOUDINARY_API_KEY": API_KEY,
        "CLOUDINARY_API_SECRET": API_SECRET,
        "CLOUDINARY_UPLOAD_PREFIX": url,
        "CLOUDINARY_DELIVERY_URL": url,
    }


@dataclass(frozen=True)
class SharedStack:
    """One MongoDB that several processes share, and one secret.

    Attributes:
        mongodb_uri: where MongoDB is.
        changes: other settings.
    """

    mongodb_uri: str
    changes: Mapping[str, str]
    mongodb_name: str = field(default_factory=lambda: f"test_{uuid4().hex[:12]}")

    def settings(self) -> Mapping[str, str]:
        return {
            "SECRET_KEY": SHARED_SECRET,
            "REPOSITORY": "mongodb",
            "MONGODB_URI": self.mongodb_uri,
            "MONGODB_NAME": self.mongodb_name,
            **self.changes,
        }

    async def id_token(self, email: str, data_dir: Path) -> str:
        return mint_id_token(SHARED_SECRET, email)


@dataclass(frozen=True)
class CloudStack:
    """MongoDB, Cloudinary and Firebase, each on this machine.

    Attributes:
        mongodb_uri: where MongoDB is.
        cloudinary_url: where Cloudinary is.
        firebase: makes the accounts.
        firebase_address: its ``host:port``.
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
            **cloudinary_settings(self.cloudinary_url),
            "AUTH": "firebase",
            "FIREBASE_PROJECT_ID": PROJECT,
            "FIREBASE_AUTH_EMULATOR_HOST": self.firebase_address,
            **self.changes,
        }

    async def id_token(self, email: str, data_dir: Path) -> str:
        account = await self.firebase.sign_up(email)
        return str(account["idToken"])
