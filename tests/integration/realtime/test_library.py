"""The private parts of the library that ``entrypoints/realtime`` builds on, as they were read.

A change of one fails here, so that somebody reads the override again before an upgrade is taken.
"""

import hashlib
import inspect
from collections.abc import Callable
from typing import Any

import pytest
import socketio
from engineio.async_socket import AsyncSocket
from engineio.payload import Payload
from socketio.async_pubsub_manager import AsyncPubSubManager

READ = {
    socketio.AsyncServer._handle_eio_connect: "76704886d944a7e6",
    socketio.AsyncServer._handle_connect: "c97c480cf777de36",
    socketio.AsyncServer._handle_disconnect: "c0b32ada5b371230",
    socketio.AsyncServer._handle_eio_message: "bef50fc0e1635921",
    socketio.AsyncServer._handle_eio_disconnect: "9344593148b66fd9",
    AsyncPubSubManager._publish: "23e758d5094bdf74",
    AsyncPubSubManager._listen: "1fba9bbe5fb0c801",
    AsyncSocket.poll: "826f58a9f3606db2",
    AsyncSocket.close: "faa2e93902543244",
    AsyncSocket.handle_post_request: "82dca119a261a959",
}


@pytest.mark.parametrize("method", READ, ids=lambda method: method.__qualname__)
def test_what_is_overridden_is_what_was_read(method: Callable[..., Any]) -> None:
    digest = hashlib.sha256(inspect.getsource(method).encode()).hexdigest()[:16]
    assert digest == READ[method], f"{method.__qualname__} has changed: read its override again"


def test_packets_of_a_post_are_bounded_where_the_library_looks() -> None:
    assert isinstance(Payload.max_decode_packets, int)
    assert "max_decode_packets" in inspect.getsource(Payload.decode)
