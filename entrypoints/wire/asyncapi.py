"""The AsyncAPI document of the realtime half, made from the structs.

``python -m entrypoints.wire.asyncapi docs/asyncapi.yaml`` writes it, as ``make asyncapi`` does.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import msgspec.yaml

from entrypoints.wire.client_events import CLIENT_EVENTS
from entrypoints.wire.server_events import SERVER_EVENTS

_COMMENT = b"# Made by `make asyncapi` from the structs in entrypoints/wire; change those.\n"
_CHANNEL = "#/channels/emotion-detection"


def document() -> dict[str, Any]:
    """The document, as AsyncAPI 3.0 wants it."""
    events = {**CLIENT_EVENTS, **SERVER_EVENTS}
    payloads, schemas = msgspec.json.schema_components(
        events.values(), ref_template="#/components/schemas/{name}"
    )
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Emotion API, realtime",
            "version": version("emotion-api"),
            "description": "Live video over Socket.IO: frames in, tracked faces and their emotions "
            "out. Every message is a Socket.IO event of the namespace /emotion-detection; its name "
            "is the name of the message here. docs/realtime.md explains them with examples.",
        },
        "defaultContentType": "application/json",
        "servers": {
            "local": {
                "host": "localhost:2508",
                "pathname": "/socket.io",
                "protocol": "socket.io",
                "description": "Over websocket or polling; the auth of the connection is an object "
                'with the access or ID token in "token".',
            }
        },
        "channels": {
            "emotion-detection": {
                "address": "/emotion-detection",
                "messages": {name: _ref(f"#/components/messages/{name}") for name in events},
            }
        },
        "operations": {
            "receiveFromClient": _operation("receive", list(CLIENT_EVENTS)),
            "sendToClient": _operation("send", list(SERVER_EVENTS)),
        },
        "components": {
            "messages": {
                name: {"summary": _summary(payload, schemas), "payload": payload}
                for name, payload in zip(events, payloads, strict=True)
            },
            "schemas": schemas,
        },
    }


def _operation(action: str, events: list[str]) -> dict[str, Any]:
    messages = [_ref(f"{_CHANNEL}/messages/{name}") for name in events]
    return {"action": action, "channel": _ref(_CHANNEL), "messages": messages}


def _ref(target: str) -> dict[str, str]:
    return {"$ref": target}


def _summary(payload: dict[str, Any], schemas: dict[str, Any]) -> str:
    """The summary of a payload: from its struct, or from its type if it is not a struct."""
    target = payload.get("$ref") or payload.get("anyOf", [{}])[0].get("$ref")
    described = schemas[target.rsplit("/", 1)[1]] if target else payload
    return str(described["description"])


def main() -> None:
    """Write the document to the file named on the command line."""
    Path(sys.argv[1]).write_bytes(_COMMENT + msgspec.yaml.encode(document()))


if __name__ == "__main__":
    main()
