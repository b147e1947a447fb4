"""Settings of the server: addresses, origins, logs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    BeforeValidator,
    Field,
    IPvAnyNetwork,
    field_validator,
)

from entrypoints.settings.group import Group, InLowerCase, Words, check_with

_check_address = check_with(AnyHttpUrl, "must be an address such as https://emotions.example.com")
_check_network = check_with(
    IPvAnyNetwork,
    "list IP addresses or networks such as 10.0.0.7,172.28.0.0/24 (a network begins with its "
    "first address: not 172.28.0.1/24), or '*' alone",
)


_ORIGIN = re.compile(r"(https?://)([^\s/?#@]+?)(:\d+)?/?")
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


def allowed_origins(listed: Iterable[str]) -> tuple[str, ...]:
    """The origins listed; one on this machine is allowed under each name of the machine.

    A development server prints one name, and users type another.
    """
    allowed: dict[str, None] = {}
    for origin in listed:
        parts = _ORIGIN.fullmatch(origin)
        if parts is None:
            raise ValueError(
                "list full origins such as https://app.example.com, without a path, separated by "
                "commas ('*' cannot be used because requests carry cookies)"
            )
        scheme, host, port = (part.lower() for part in parts.groups(""))
        for name in _LOOPBACK if host in _LOOPBACK else (host,):
            allowed[f"{scheme}{name}{port}"] = None
    return tuple(allowed)


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


class ServerSettings(Group):
    """Addresses, allowed origins, and logs."""

    host: str = "0.0.0.0"
    port: int = Field(default=2508, ge=0, le=65535)
    api_prefix: str = "/api"
    public_url: Annotated[str, AfterValidator(_check_address)] | None = None
    cors_origins: Annotated[Words, AfterValidator(allowed_origins)] = (
        "http://localhost:3000",
        "http://localhost:5173",
    )
    forwarded_allow_ips: Words = ("127.0.0.1",)
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper)] = (
        "INFO"
    )
    log_format: Annotated[Literal["auto", "console", "json"], InLowerCase] = "auto"
    shutdown_grace_s: float = Field(default=20.0, gt=0, le=600)

    @field_validator("host")
    @classmethod
    def _strip_brackets(cls, host: str) -> str:
        # Addresses of IPv6 have brackets in URLs only.
        return host.strip().removeprefix("[").removesuffix("]")

    @field_validator("api_prefix")
    @classmethod
    def _check_path(cls, prefix: str) -> str:
        if not re.fullmatch(r"(/[\w.~-]+)+", prefix := "/" + prefix.strip("/"), re.ASCII):
            raise ValueError("must be a path such as /api")
        return prefix

    @field_validator("public_url")
    @classmethod
    def _check_public_url(cls, url: str | None) -> str | None:
        # The paths of images are appended to it.
        if url is not None and re.search(r"[?#@]", url):
            raise ValueError("must be an address such as https://emotions.example.com")
        return url and url.rstrip("/")

    @field_validator("forwarded_allow_ips")
    @classmethod
    def _check_proxies(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        # uvicorn would treat other text as a host name, which never matches.
        return proxies if proxies == ("*",) else tuple(_check_network(proxy) for proxy in proxies)

    @property
    def images_path(self) -> str:
        """The path stored images are served under."""
        return f"{self.api_prefix}/images"

    @property
    def videos_path(self) -> str:
        """The path of recorded videos."""
        return f"{self.api_prefix}/videos"
