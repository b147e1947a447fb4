"""Opening the Firebase SDK's client."""

from __future__ import annotations

import json
from collections.abc import Mapping
from uuid import uuid4

import firebase_admin
import google.auth.credentials
from firebase_admin import auth, credentials

from adapters.environment import use_firebase_emulator
from application.errors import IdentityUnavailable


class _NoCredential(credentials.Base):  # type: ignore[misc]
    """For the emulator, which needs no credential."""

    def get_credential(self) -> google.auth.credentials.Credentials:
        return google.auth.credentials.AnonymousCredentials()


def open_client(
    *,
    service_account: str | None,
    project_id: str | None,
    timeout_s: float,
    emulator_host: str | None = None,
) -> auth.Client:
    """Make a client of a Firebase project; does not connect yet.

    Args:
        service_account: JSON text of a service-account key; None with the emulator.
        project_id: overrides the service account's project, and is needed without one.
        timeout_s: how long one request to Firebase may take, in seconds.
        emulator_host: host and port of an emulator, which checks no signatures.

    Raises:
        IdentityUnavailable: the key cannot be used.
    """
    if emulator_host:
        use_firebase_emulator(emulator_host)
    options: dict[str, object] = {"httpTimeout": timeout_s}
    if project_id:
        options["projectId"] = project_id
    # The SDK keeps its apps in a global registry, so the name has to be unique.
    app = firebase_admin.initialize_app(
        _credential(service_account), options, name=f"emotion-api-{uuid4().hex}"
    )
    return auth.Client(app)


def _credential(service_account: str | None) -> credentials.Base:
    if service_account is None:
        return _NoCredential()
    try:
        key = json.loads(service_account)
        if not isinstance(key, Mapping):
            raise ValueError("a key is a JSON object")
        return credentials.Certificate(dict(key))
    except ValueError:
        # Not chained, because the SDK's message may quote the private key.
        raise IdentityUnavailable("the Firebase service account key cannot be used") from None
