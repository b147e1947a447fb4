"""Settings of signing in with Firebase."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

from pydantic import BaseModel, Field, SecretStr, field_validator


class FirebaseSettings(BaseModel):
    """The part of the settings that says which Firebase project signs users in."""

    firebase_service_account_b64: SecretStr | None = None
    firebase_service_account_file: Path | None = None
    firebase_project_id: str | None = None
    firebase_web_api_key: str | None = None
    google_client_id: str | None = None
    firebase_timeout_s: float = Field(default=5.0, gt=0, le=60)
    firebase_auth_emulator_host: str | None = None

    @field_validator("firebase_auth_emulator_host")
    @classmethod
    def _host_and_port(cls, address: str | None) -> str | None:
        if address is not None and not re.fullmatch(r"[^\s/]+:\d+", address):
            raise ValueError("must be host and port, such as 127.0.0.1:9099")
        return address

    @field_validator("firebase_service_account_b64")
    @classmethod
    def _base64_of_json(cls, encoded: SecretStr | None) -> SecretStr | None:
        if encoded is not None:
            try:
                json.loads(base64.b64decode(encoded.get_secret_value(), validate=True))
            except ValueError:
                raise ValueError(
                    "must be the JSON key of a service account in base64: base64 -w0 key.json"
                ) from None
        return encoded

    @property
    def firebase_service_account(self) -> str | None:
        """The JSON key of the service account; None with the emulator, which asks for none.

        Raises:
            OSError: its file cannot be read.
        """
        if self.firebase_auth_emulator_host:
            return None
        if self.firebase_service_account_b64 is not None:
            return base64.b64decode(self.firebase_service_account_b64.get_secret_value()).decode()
        if self.firebase_service_account_file is not None:
            return self.firebase_service_account_file.read_text(encoding="utf-8")
        return None
