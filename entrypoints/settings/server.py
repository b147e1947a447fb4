"""Settings of the server: addresses, origins, logs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    AnyUrl,
    BeforeValidator,
    Field,
    IPvAnyNetwork,
    ValidationError,
    field_validator,
)

from entrypoints.settings.group import Group, InLowerCase, Words, check_with

_check_address = check_with(AnyHttpUrl, "must be an address such as https://emotions.example.com")
_check_network = check_with(
    IPvAnyNetwork,
    "list IP addresses or networks such as 10.0.0.7,172.28.0.0/24 (a network begins with its "
    "first address: not 172.28.0.1/24), or '*' alone",
)

# Apps that are built from web pages have schemes of their own.
_ORIGIN = re.compile(r"([a-z][^:]*://)([^*/?#@]+?)(:\d+)?/?")
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


def allowed_origins(listed: Iterable[str]) -> tuple[str, ...]:
    """The origins listed, as browsers send them; one on this machine under each of its names.

    A development server prints one name, and users type another.
    """
    allowed: dict[str, None] = {}
    for written in listed:
        scheme, host, port = _parts(written)
        for name in _LOOPBACK if host in _LOOPBACK else (host,):
            allowed[f"{scheme}{name}{port}"] = None
    return tuple(allowed)


def _parts(written: str) -> tuple[str, str, str]:
    """Scheme, host and port of an origin: in lower case, the host in ASCII, no default port."""
    try:
        parts = _ORIGIN.fullmatch(str(AnyUrl(written)))
    except ValidationError:
        parts = None
    if parts is None:
        raise ValueError(
            "list full origins such as https://app.example.com or capacitor://localhost, without "
            "a path, separated by commas ('*' cannot be used because requests carry cookies)"
        )
    scheme, host, port = parts.groups("")
    return scheme, host, port


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
        if f"{prefix}/".startswith("/socket.io/"):
            raise ValueError("must be a path such as /api, and not the one of Socket.IO")
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
