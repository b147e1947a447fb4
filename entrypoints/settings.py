"""Every setting of the service, read from the environment and ``.env`` here and nowhere else."""

from __future__ import annotations

import ipaddress
import json
import math
import os
import re
from pathlib import Path
from typing import Annotated, Literal, Self

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from application.sessions.sessions import SessionLimits
from domain.stream import MAX_FRAME_SIZE
from domain.stream_config import StreamConfig
from domain.user import GuestQuota
from entrypoints.secret_strength import weakness_of
from entrypoints.settings_connections import ConnectionSettings
from entrypoints.settings_firebase import FirebaseSettings

_HUGGINGFACE_MODEL = "dima806/facial_emotions_image_detection"
# The last commit of that repository that changed its weights, as its history shows it.
_HUGGINGFACE_REVISION = "98c01c82b6f9066f6bbee49bf2ae6a06cce32abb"

_REDIS_URL = re.compile(
    r"rediss?://([^/@:\s]*(:[^/@:\s]*)?@)?([\w.-]+|\[[\da-fA-F:]+\])(:\d{1,5})?(/\d*)?(\?\S*)?"
    r"|unix://([^/@:\s]*(:[^/@:\s]*)?@)?/[^\s?]+(\?\S*)?"
)

Words = Annotated[tuple[str, ...], NoDecode]


class BadSettings(Exception):
    """The environment holds values the service cannot start with; the message names each."""


class Settings(ConnectionSettings, FirebaseSettings, BaseSettings):
    """Typed, validated, immutable. ``.env.example`` says what each one is for."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    # Where the service listens and how it speaks
    host: str = "0.0.0.0"
    port: int = Field(default=2508, ge=0, le=65535)
    api_prefix: str = "/api"
    public_url: str | None = None
    cors_origins: Words = ("http://localhost:3000", "http://localhost:5173")
    forwarded_allow_ips: Words = ("127.0.0.1",)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["auto", "console", "json"] = "auto"
    shutdown_grace_s: float = Field(default=20.0, gt=0, le=600)

    environment: Literal["production", "development"] = "production"

    # Which adapters
    face_detector: Literal["auto", "bundled", "yunet", "haar"] = "auto"
    classifier: Literal["onnx", "vit", "remote"] = "onnx"
    image_store: Literal["filesystem", "cloudinary"] = "filesystem"
    repository: Literal["sqlite", "mongodb"] = "sqlite"
    auth: Literal["local", "firebase"] = "local"

    # Where things are kept
    data_dir: Path = Path("data")
    spool_max_mb: int = Field(default=1024, ge=16)
    store_give_up_hours: float = Field(default=24.0, gt=0, le=8760)

    # MongoDB
    mongodb_uri: SecretStr | None = None
    mongodb_name: str = Field(default="emotion_detection", min_length=1)
    mongodb_timeout_s: float = Field(default=2.0, gt=0, le=60)
    mongodb_max_connections: int = Field(default=50, ge=1, le=1000)
    import_mongodb_uri: SecretStr | None = None

    # Several processes
    redis_url: SecretStr | None = None
    redis_prefix: str = Field(default="emotion-api", min_length=1)
    socketio_transports: Literal["polling,websocket", "websocket"] = "polling,websocket"

    # Cloudinary
    cloudinary_cloud_name: str | None = None
    cloudinary_api_key: str | None = None
    cloudinary_api_secret: SecretStr | None = None
    cloudinary_folder: str = Field(default="emotion-api", min_length=1)
    cloudinary_authenticated: bool = True
    cloudinary_timeout_s: float = Field(default=20.0, gt=0, le=300)
    cloudinary_upload_prefix: str = "https://api.cloudinary.com"
    cloudinary_delivery_url: str = "https://res.cloudinary.com"

    # Accounts and guests
    secret_key: SecretStr | None = None
    access_token_expire_minutes: int = Field(default=120, ge=1, le=1440)
    refresh_token_expire_days: int = Field(default=30, ge=1, le=365)
    refresh_grace_seconds: int = Field(default=10, ge=0, le=300)
    identity_recheck_seconds: int = Field(default=300, ge=0, le=86_400)
    clock_skew_seconds: int = Field(default=10, ge=0, le=60)
    guest_max_usage: int = Field(default=3, ge=0)
    guest_max_usage_per_address: int = Field(default=6, ge=0)
    guest_window_seconds: int = Field(default=86_400, ge=1, le=31_536_000)

    image_link_seconds: int = Field(default=3600, ge=1, le=604_800)

    # Limits
    max_upload_bytes: int = Field(default=5 * 1024 * 1024, ge=1024)
    max_image_megapixels: float = Field(default=50.0, gt=0, le=500)
    max_image_memory_mb: int = Field(default=160, ge=64, le=100_000)
    max_image_seconds: float = Field(default=4.0, ge=0.5, le=60)
    pixels_in_work_mb: int = Field(default=60, ge=60, le=100_000)
    max_batch_size: int = Field(default=12, ge=1, le=100)
    max_images_in_work: int = Field(default=32, ge=1, le=1000)
    max_realtime_sessions: int = Field(default=64, ge=0, le=10_000)
    max_realtime_sessions_per_user: int = Field(default=16, ge=1, le=10_000)
    inference_threads: int = Field(default=0, ge=0, le=64)

    # Finding faces
    face_detect_min_size: int = Field(default=64, ge=16, le=2000)
    haar_scale_factor: float = Field(default=1.2, gt=1.0, le=2.0)
    haar_min_neighbors: int = Field(default=5, ge=1, le=50)
    yunet_model: Path = Path("models/face_detection_yunet.onnx")
    yunet_min_confidence: float = Field(default=0.65, ge=0, lt=1)

    # Reading emotions
    classifier_weights: Path | None = None
    huggingface_model: str = _HUGGINGFACE_MODEL
    huggingface_revision: str | None = None
    vit_device: Literal["auto", "cpu", "cuda"] = "auto"
    remote_classifier_url: str | None = None
    remote_classifier_model: str = Field(default="emotion", min_length=1)
    remote_classifier_version: str | None = None
    remote_classifier_labels: Words = ()
    remote_classifier_timeout_s: float = Field(default=3.0, gt=0, le=60)
    remote_classifier_batch: int = Field(default=32, ge=1, le=32)
    remote_classifier_connections: int = Field(default=8, ge=1, le=64)
    hf_endpoint: str = "https://huggingface.co"

    @field_validator("log_level", "log_format", mode="before")
    @classmethod
    def _in_its_own_case(cls, value: object, info: object) -> object:
        if not isinstance(value, str):
            return value
        return value.upper() if getattr(info, "field_name", "") == "log_level" else value.lower()

    @field_validator(
        "face_detector",
        "classifier",
        "image_store",
        "repository",
        "auth",
        "vit_device",
        mode="before",
    )
    @classmethod
    def _in_lower_case(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator(
        "cors_origins", "forwarded_allow_ips", "remote_classifier_labels", mode="before"
    )
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        if not value.lstrip().startswith("["):
            return tuple(word.strip() for word in value.split(",") if word.strip())
        try:
            return json.loads(value)
        except ValueError:
            raise ValueError(
                'write its entries separated by commas, or as a JSON list: ["first", "second"]'
            ) from None

    @field_validator("cors_origins")
    @classmethod
    def _origins_as_browsers_send_them(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if not re.fullmatch(r"https?://[^\s/?#@]+/?", origin):
                raise ValueError(
                    "list full origins such as https://app.example.com, without a path, separated "
                    "by commas ('*' cannot be used because requests carry cookies)"
                )
        return tuple(origin.rstrip("/").lower() for origin in origins)

    @field_validator("forwarded_allow_ips")
    @classmethod
    def _addresses(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        # What uvicorn cannot read as one of these it takes for a name, which nobody has.
        for proxy in proxies if proxies != ("*",) else ():
            try:
                ipaddress.ip_network(proxy)
            except ValueError:
                raise ValueError(
                    "list IP addresses or networks such as 10.0.0.7,172.28.0.0/24 (a network "
                    "begins with its first address: not 172.28.0.1/24), or '*' alone"
                ) from None
        return proxies

    @field_validator("redis_url")
    @classmethod
    def _an_address_of_redis(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not _REDIS_URL.fullmatch(url.get_secret_value()):
            raise ValueError(
                "must be redis://user:password@host:6379/0, rediss:// for TLS, or unix:///path; "
                "signs such as / @ : in a password are written as %2F %40 %3A"
            )
        return url

    @field_validator("api_prefix")
    @classmethod
    def _a_path(cls, prefix: str) -> str:
        if not re.fullmatch(r"(/[\w.~-]+)+", prefix := "/" + prefix.strip("/"), re.ASCII):
            raise ValueError("must be a path such as /api")
        return prefix

    @field_validator(
        "cloudinary_upload_prefix",
        "cloudinary_delivery_url",
        "hf_endpoint",
        "remote_classifier_url",
    )
    @classmethod
    def _a_web_address(cls, address: str | None) -> str | None:
        if address is not None and not re.match(r"https?://[^\s/]", address):
            raise ValueError("must be an address such as https://mirror.example.com")
        return address

    @field_validator("public_url")
    @classmethod
    def _an_address_of_this_service(cls, url: str | None) -> str | None:
        if url is not None and not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", url):
            raise ValueError("must be an address such as https://emotions.example.com")
        return url and url.rstrip("/")

    @field_validator("mongodb_uri", "import_mongodb_uri")
    @classmethod
    def _a_mongodb_uri(cls, uri: SecretStr | None) -> SecretStr | None:
        if uri is not None and not re.match(r"mongodb(\+srv)?://.", uri.get_secret_value()):
            raise ValueError("must look like mongodb://user:password@host:27017/")
        return uri

    @field_validator("mongodb_name")
    @classmethod
    def _a_database_name(cls, name: str) -> str:
        if not re.fullmatch(r'[^/\\. "$*<>:|?]{1,63}', name):
            raise ValueError("must be the name of a database such as emotion_detection")
        return name

    @field_validator("secret_key")
    @classmethod
    def _a_real_secret(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is None:
            return None
        if weakness := weakness_of(secret.get_secret_value()):
            raise ValueError(
                f"{weakness}; leave it out and one is made, or run: "
                "python -c 'import secrets; print(secrets.token_hex())'"
            )
        return secret

    @model_validator(mode="after")
    def _complete(self) -> Self:
        faults = [
            f"{name.upper()}: is needed because of {choice}"
            for choice, names in self._needed().items()
            for name in names
            if getattr(self, name) is None
        ]
        if self.firebase_auth_emulator_host and self.environment != "development":
            faults.append(
                "FIREBASE_AUTH_EMULATOR_HOST: tokens are not checked with an emulator, so it is "
                "only for ENVIRONMENT=development"
            )
        if self.redis_url is not None and self.repository != "mongodb":
            faults.append(
                "REDIS_URL: is for several processes, and those share history and quotas only "
                "with REPOSITORY=mongodb"
            )
        if faults:
            raise ValueError("\n".join(faults))
        return self

    def _needed(self) -> dict[str, list[str]]:
        needed = {}
        if self.redis_url is not None:
            needed["REDIS_URL"] = ["secret_key"]
        if self.repository == "mongodb":
            needed["REPOSITORY=mongodb"] = ["mongodb_uri"]
        if self.classifier == "remote":
            needed["CLASSIFIER=remote"] = ["remote_classifier_url"]
        if self.image_store == "cloudinary":
            needed["IMAGE_STORE=cloudinary"] = [
                "cloudinary_cloud_name",
                "cloudinary_api_key",
                "cloudinary_api_secret",
            ]
        if self.auth == "firebase" and self.firebase_auth_emulator_host:
            needed["FIREBASE_AUTH_EMULATOR_HOST"] = ["firebase_project_id"]
        elif self.auth == "firebase" and self.firebase_service_account_file is None:
            needed["AUTH=firebase"] = ["firebase_service_account_b64"]
        if self.auth == "firebase" and self.google_client_id is not None:
            needed["GOOGLE_CLIENT_ID"] = ["firebase_web_api_key"]
        return needed

    # What follows from the above, in the units and forms the parts want

    @property
    def max_pixels(self) -> int:
        """Pixels an image may have."""
        return int(self.max_image_megapixels * 1_000_000)

    @property
    def max_frame_pixels(self) -> int:
        """Pixels a frame of a stream may have; a large one would keep all the others waiting."""
        return min(self.max_pixels, math.prod(MAX_FRAME_SIZE))

    @property
    def max_image_memory_bytes(self) -> int:
        """Bytes that decoding one image may take."""
        return self.max_image_memory_mb * 1_000_000

    @property
    def max_frame_seconds(self) -> float:
        """Seconds of a processor that decoding a frame may take, for the same reason."""
        return min(self.max_image_seconds, 1.0)

    @property
    def pixels_in_work_bytes(self) -> int:
        """Bytes that the pixels of all images in work may have together."""
        return self.pixels_in_work_mb * 1_000_000

    @property
    def threads(self) -> int:
        """Threads for decoding, detection and classification; 0 means one a processor."""
        return self.inference_threads or os.cpu_count() or 1

    @property
    def video_frames_at_once(self) -> int:
        """Frames of a video in work: one a thread, and one more that is read meanwhile."""
        return self.threads + 1

    @property
    def session_limits(self) -> SessionLimits:
        """How many realtime sessions are let in, and how many of their frames are in work."""
        # One frame more than threads: while one is handed from stage to stage, none stands still.
        # Nor does one while frames wait for an inference server.
        elsewhere = self.remote_classifier_connections if self.classifier == "remote" else 0
        return SessionLimits(
            sessions=self.max_realtime_sessions,
            sessions_per_user=self.max_realtime_sessions_per_user,
            frames_in_work=self.threads + 1 + elsewhere,
        )

    @property
    def stream_defaults(self) -> StreamConfig:
        """What a realtime session goes by unless its client wants otherwise."""
        return StreamConfig(min_face_size=self.face_detect_min_size)

    @property
    def detector_choice(self) -> str:
        """Which detector runs; ``auto`` takes the one that ships with the service."""
        return "bundled" if self.face_detector == "auto" else self.face_detector

    @property
    def checkpoint_revision(self) -> str | None:
        """Revision of the checkpoint: as asked for, or the pinned one of the default model."""
        if self.huggingface_revision is None and self.huggingface_model == _HUGGINGFACE_MODEL:
            return _HUGGINGFACE_REVISION
        return self.huggingface_revision

    @property
    def shared_through(self) -> str:
        """Where sessions are counted and rooms meet: of one process in it, of several in Redis."""
        return "memory" if self.redis_url is None else "redis"

    @property
    def database_path(self) -> Path:
        """The embedded database."""
        return self.data_dir / "emotion.sqlite3"

    @property
    def images_dir(self) -> Path:
        """Stored images."""
        return self.data_dir / "images"

    @property
    def images_url(self) -> str:
        """The path stored images are served under."""
        return f"{self.api_prefix}/images"

    @property
    def spool_dir(self) -> Path:
        """Detections on their way to the stores."""
        return self.data_dir / "spool"

    @property
    def secret_path(self) -> Path:
        """Where the signing secret is kept when the operator gives none."""
        return self.data_dir / "secret.key"

    @property
    def spool_max_bytes(self) -> int:
        """Bytes the spool may hold."""
        return self.spool_max_mb * 2**20

    @property
    def store_give_up_s(self) -> float:
        """Seconds after which an image that cannot be stored is given up."""
        return self.store_give_up_hours * 3600

    @property
    def access_token_lifetime_s(self) -> int:
        """Seconds an access token stands."""
        return self.access_token_expire_minutes * 60

    @property
    def refresh_token_lifetime_s(self) -> int:
        """Seconds a refresh token stands."""
        return self.refresh_token_expire_days * 86_400

    @property
    def firebase_sign_in_address(self) -> str | None:
        """Where the page signs users in by e-mail; None where it cannot."""
        if self.auth != "firebase" or self.firebase_web_api_key is None:
            return None
        if self.firebase_auth_emulator_host:
            return f"http://{self.firebase_auth_emulator_host}/identitytoolkit.googleapis.com/v1"
        return "https://identitytoolkit.googleapis.com/v1"

    @property
    def guest_quota(self) -> GuestQuota:
        """What a guest may use."""
        return GuestQuota(
            per_guest=self.guest_max_usage,
            per_address=self.guest_max_usage_per_address,
            window_s=self.guest_window_seconds,
        )


def load_settings(**chosen: object) -> Settings:
    """Read the settings.

    Args:
        chosen: what comes before the environment and ``.env``.

    Raises:
        BadSettings: a value cannot be used; the message names variable, fault and what is allowed.
    """
    try:
        settings = Settings(**chosen)  # type: ignore[arg-type]
    except ValidationError as error:
        faults = [_explain(dict(fault)) for fault in error.errors(include_url=False)]
        raise BadSettings("\n".join(faults)) from None
    if settings.firebase_auth_emulator_host:
        # Firebase's SDK looks for it in the environment only, and it may have come from .env.
        os.environ["FIREBASE_AUTH_EMULATOR_HOST"] = settings.firebase_auth_emulator_host
    return settings


def unknown_keys() -> list[str]:
    """A warning of each key in ``.env`` that means nothing."""
    return [
        f".env sets {name}, which is not a setting of this service"
        for name in dotenv_values(Path(".env"))
        if name.lower() not in Settings.model_fields
    ]


def _explain(fault: dict[str, object]) -> str:
    location = fault["loc"]
    if not location:  # the message names the settings itself
        return str(fault["msg"]).removeprefix("Value error, ")
    name = str(location[0]).upper() if isinstance(location, tuple) and location else "SETTINGS"
    message = str(fault["msg"]).removeprefix("Value error, ")
    if fault["type"] == "bool_parsing":
        message = "must be true or false"
    # An address may carry a password, whether or not the setting is meant for one.
    secret = "Secret" in str(Settings.model_fields[name.lower()].annotation)
    secret = secret or "@" in str(fault["input"])
    return f"{name}: {message}" if secret else f"{name}={fault['input']}: {message}"
