"""Every setting of the service, read from the environment and ``.env`` here and nowhere else.

A module per topic. The container of a topic in ``entrypoints.container`` has the same name; only
``server`` and ``connections``, which the entrypoints read, and ``tracing``, which the container
``system`` reads, have none. The name of a setting outside does not show its group: ``PORT`` is
``settings.server.port``. A name that ends in ``_S`` says how long the service waits, in seconds;
other lengths of time have their unit written out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

from dotenv import dotenv_values
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from application.sessions.sessions import SessionLimits
from domain.session_config import SessionConfig
from entrypoints.settings.accounts import AccountSettings
from entrypoints.settings.connections import ConnectionSettings
from entrypoints.settings.detection import DetectionSettings
from entrypoints.settings.group import Group
from entrypoints.settings.realtime import RealtimeSettings
from entrypoints.settings.server import ServerSettings
from entrypoints.settings.stores import StoreSettings
from entrypoints.settings.tracing import TracingSettings
from entrypoints.settings.video import VideoSettings
from entrypoints.settings.vision import VisionSettings

_ENV_FILE = Path(".env")


class BadSettings(Exception):
    """The environment has values with which the service cannot start; the message names each."""


@dataclass(frozen=True)
class Settings:
    """All groups, and what follows from several of them."""

    server: ServerSettings
    connections: ConnectionSettings
    vision: VisionSettings
    detection: DetectionSettings
    stores: StoreSettings
    accounts: AccountSettings
    realtime: RealtimeSettings
    video: VideoSettings
    tracing: TracingSettings

    @property
    def session_limits(self) -> SessionLimits:
        """How many realtime sessions are admitted, and how many of their frames are in work."""
        return SessionLimits(
            sessions=self.realtime.max_realtime_sessions,
            sessions_per_user=self.realtime.max_realtime_sessions_per_user,
            frames_in_work=self.vision.frames_in_work,
        )

    @property
    def session_defaults(self) -> SessionConfig:
        """The configuration of a realtime session before its client changes it."""
        return SessionConfig(min_face_size=self.vision.face_detect_min_size)

    def faults(self) -> list[str]:
        """Contradictions between groups, one per line."""
        faults = []
        if self.realtime.redis_url is not None and self.accounts.secret_key is None:
            faults.append("SECRET_KEY: is needed because of REDIS_URL")
        if self.realtime.redis_url is not None and self.stores.repository != "mongodb":
            faults.append(
                "REDIS_URL: is for several processes, and those share history and quotas only "
                "with REPOSITORY=mongodb"
            )
        return faults

    def warnings(self) -> list[str]:
        """What was given and has no effect, or not the whole of it; one line each."""
        groups = (getattr(self, name) for name in _GROUPS)
        warnings = [warning for group in groups for warning in group.unused()]
        discarded, video = self.connections.discard_mb, self.video.max_video_mb
        if discarded <= video:
            warnings.append(
                f"DISCARD_MB={discarded}: make it larger than MAX_VIDEO_MB={video}, or the client "
                "of a video that is refused may not read why"
            )
        return warnings


_GROUPS: Mapping[str, type[Group]] = get_type_hints(Settings)
SETTINGS: Mapping[str, FieldInfo] = {
    name: field for group in _GROUPS.values() for name, field in group.model_fields.items()
}
"""Every setting by its name in lower case."""


def load_settings(*, env_file: Path | None = _ENV_FILE, **chosen: object) -> Settings:
    """Read the settings.

    Args:
        env_file: read beside the environment; it need not exist.
        chosen: values that take precedence over both, by names such as ``port``.

    Raises:
        BadSettings: a value cannot be used; the message names variable, fault and what is allowed.
    """
    groups: dict[str, Any] = {}
    faults: list[str] = []
    for name, group in _GROUPS.items():
        its_own = {key: chosen[key] for key in group.model_fields.keys() & chosen.keys()}
        try:
            groups[name] = group(_env_file=env_file, **its_own)  # type: ignore[call-arg]
        except ValidationError as error:
            faults += [_explain(dict(fault)) for fault in error.errors(include_url=False)]
    if not faults:
        settings = Settings(**groups)
        faults = settings.faults()
    if faults:
        raise BadSettings("\n".join(faults))
    return settings


def unknown_keys() -> list[str]:
    """A warning for each unknown key in ``.env``."""
    return [
        f".env sets {name}, which is not a setting of this service"
        for name in dotenv_values(_ENV_FILE)
        if name.lower() not in SETTINGS
    ]


def _explain(fault: dict[str, object]) -> str:
    location = fault["loc"]
    message = str(fault["msg"]).removeprefix("Value error, ")
    if not isinstance(location, tuple) or not location:  # the message names the settings itself
        return message
    name = str(location[0])
    if fault["type"] == "bool_parsing":
        message = "must be true or false"
    # An address may carry a password, whether or not the setting is meant for one.
    secret = "Secret" in str(SETTINGS[name].annotation) or "@" in str(fault["input"])
    return f"{name.upper()}: {message}" if secret else f"{name.upper()}={fault['input']}: {message}"
