"""The greeting at the start: where the service listens, and how to try it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from entrypoints.container import Container

OPERATOR_EMAIL = "operator@localhost"
HOW_TO_SIGN_IN = "emotion-api token --user you@example.com"


def browser_url(host: str, port: int) -> str:
    """The address that a browser on this machine opens."""
    if host in ("0.0.0.0", "::"):
        host = "localhost"
    elif ":" in host:
        host = f"[{host.replace('%', '%25')}]"  # RFC 3986 and RFC 6874
    return f"http://{host}:{port}"


def greeting(container: Container, address: str, *, for_people: bool, at_terminal: bool) -> str:
    """A text for people, or a line of JSON.

    The sign-in link is printed to a terminal only, because other output is kept and read by others.
    """
    settings = container.settings()
    signs_in = settings.accounts.auth == "local"
    if not for_people:
        return _as_json(address, signs_in=signs_in)
    lines = ["", f"Emotion API is ready on {address}  (documentation: {address}/docs)"]
    if signs_in and at_terminal:
        lines += ["", *_link(container, address)]
    elif signs_in:
        lines += [f"To sign in, run on the same machine: {HOW_TO_SIGN_IN}"]
    if at_terminal:
        lines += [
            "Or send it an image, as a guest:",
            f"    curl -F file=@PHOTO {address}{settings.server.api_prefix}/detect",
        ]
    return "\n".join([*lines, ""])


def _link(container: Container, address: str) -> list[str]:
    codes, provider = (
        container.accounts().sign_in_codes(),
        container.accounts().local_identity_provider(),
    )
    code = codes.issue(provider.mint_id_token(OPERATOR_EMAIL, lifetime_s=codes.lifetime_s))
    minutes = codes.lifetime_s // 60
    return [
        f"Open it signed in as {OPERATOR_EMAIL}; the link works once, within {minutes} minutes:",
        f"    {address}/#code={code}",
    ]


def _as_json(address: str, *, signs_in: bool) -> str:
    line = {
        "event": f"ready on {address}",
        "address": address,
        "documentation": f"{address}/docs",
        "level": "info",
        "logger": __name__,
        "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
    }
    if signs_in:
        line["sign_in"] = HOW_TO_SIGN_IN
    return json.dumps(line)
