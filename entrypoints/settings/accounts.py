"""Settings of accounts: tokens, guests, and the identity provider."""

from __future__ import annotations

import base64
import json
import re
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator

from domain.user import GuestQuota
from entrypoints.settings.group import Group, InLowerCase, PathOrHome
from entrypoints.settings.secret_strength import weakness_of


class AccountSettings(Group):
    """Sign-ins, tokens, links, guests and Firebase."""

    auth: Annotated[Literal["local", "firebase"], InLowerCase] = "local"
    environment: Literal["production", "development"] = "production"

    secret_key: SecretStr | None = None
    access_token_expire_minutes: int = Field(default=120, ge=1, le=1440)
    refresh_token_expire_days: int = Field(default=30, ge=1, le=365)
    refresh_grace_seconds: int = Field(default=10, ge=0, le=300)
    identity_recheck_seconds: int = Field(default=300, ge=0, le=86_400)
    clock_skew_seconds: int = Field(default=10, ge=0, le=60)
    # Of links to images, and of those to videos.
    image_link_seconds: int = Field(default=3600, ge=1, le=604_800)
    guest_max_usage: int = Field(default=3, ge=0)
    guest_max_usage_per_address: int = Field(default=6, ge=0)
    guest_window_seconds: int = Field(default=86_400, ge=1, le=31_536_000)

    firebase_service_account_b64: SecretStr | None = None
    firebase_service_account_file: PathOrHome | None = None
    firebase_project_id: str | None = None
    firebase_web_api_key: str | None = None
    google_client_id: str | None = None
    firebase_timeout_s: float = Field(default=5.0, gt=0, le=60)
    firebase_auth_emulator_host: str | None = None

    @field_validator("secret_key")
    @classmethod
    def _check_secret(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and (weakness := weakness_of(secret.get_secret_value())):
            raise ValueError(
                f"{weakness}; leave it out and one is made, or run: "
                "python -c 'import secrets; print(secrets.token_hex())'"
            )
        return secret

    @field_validator("firebase_auth_emulator_host")
    @classmethod
    def _check_host_and_port(cls, address: str | None) -> str | None:
        if address is not None and not re.fullmatch(r"[^\s/]+:\d+", address):
            raise ValueError("must be host and port, such as 127.0.0.1:9099")
        return address

    @field_validator("firebase_service_account_b64")
    @classmethod
    def _check_service_account(cls, encoded: SecretStr | None) -> SecretStr | None:
        if encoded is not None:
            try:
                json.loads(base64.b64decode(encoded.get_secret_value(), validate=True))
            except ValueError:
                raise ValueError(
                    "must be the JSON key of a service account in base64: base64 -w0 key.json"
                ) from None
        return encoded

    def faults(self) -> list[str]:
        """Contradictions between settings."""
        faults = super().faults()
        if self.firebase_auth_emulator_host and self.environment != "development":
            faults.append(
                "FIREBASE_AUTH_EMULATOR_HOST: tokens are not checked with an emulator, so it is "
                "only for ENVIRONMENT=development"
            )
        if self.firebase_service_account_b64 and self.firebase_service_account_file:
            faults.append(
                "FIREBASE_SERVICE_ACCOUNT_FILE: give the key either so or as "
                "FIREBASE_SERVICE_ACCOUNT_B64, not both"
            )
        return faults

    def needed(self) -> dict[str, list[str]]:
        """The settings that Firebase needs."""
        needed: dict[str, list[str]] = {}
        if self.auth != "firebase":
            return needed
        if self.firebase_auth_emulator_host:
            needed["FIREBASE_AUTH_EMULATOR_HOST"] = ["firebase_project_id"]
        elif self.firebase_service_account_file is None:
            needed["AUTH=firebase"] = ["firebase_service_account_b64"]
        if self.google_client_id is not None:
            needed["GOOGLE_CLIENT_ID"] = ["firebase_web_api_key"]
        return needed

    def not_chosen(self) -> dict[str, tuple[str, ...]]:
        """What only Firebase uses."""
        others = ("firebase_", "google_client_id")
        return {} if self.auth == "firebase" else {"AUTH=firebase": others}

    @property
    def access_token_lifetime_s(self) -> int:
        """Seconds an access token is valid."""
        return self.access_token_expire_minutes * 60

    @property
    def refresh_token_lifetime_s(self) -> int:
        """Seconds a refresh token is valid."""
        return self.refresh_token_expire_days * 86_400

    @property
    def guest_quota(self) -> GuestQuota:
        """What a guest may use."""
        return GuestQuota(
            per_guest=self.guest_max_usage,
            per_address=self.guest_max_usage_per_address,
            window_s=self.guest_window_seconds,
        )

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

    @property
    def firebase_sign_in_address(self) -> str | None:
        """The address at which the page signs users in by e-mail; None if it cannot."""
        if self.auth != "firebase" or self.firebase_web_api_key is None:
            return None
        if self.firebase_auth_emulator_host:
            return f"http://{self.firebase_auth_emulator_host}/identitytoolkit.googleapis.com/v1"
        return "https://identitytoolkit.googleapis.com/v1"
