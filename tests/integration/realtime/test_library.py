"""The library's methods that ``entrypoints/realtime/server.py`` overrides or relies on.

When the library changes one, a test fails, so that its override is read again before the upgrade.
"""

import hashlib
import importlib
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import socketio
from engineio.async_socket import AsyncSocket
from engineio.payload import Payload
from socketio.async_pubsub_manager import AsyncPubSubManager

from entrypoints.realtime import server

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
    AsyncSocket.schedule_ping: "fe316639159cd70d",
    AsyncSocket.handle_post_request: "82dca119a261a959",
}


@pytest.mark.parametrize("method", READ, ids=lambda method: method.__qualname__)
def test_overridden_methods_are_unchanged_in_the_library(method: Callable[..., Any]) -> None:
    digest = hashlib.sha256(inspect.getsource(method).encode()).hexdigest()[:16]
    assert digest == READ[method], f"{method.__qualname__} has changed: read its override again"


def test_private_methods_are_overridden_in_one_file_and_all_are_checked() -> None:
    importlib.import_module("entrypoints.realtime.app")  # A subclass is known once imported.
    bases = (socketio.AsyncServer, AsyncPubSubManager, socketio.AsyncNamespace, AsyncSocket)
    overridden = {
        (ours.__module__, getattr(base, name))
        for base in bases
        for ours in subclasses(base)
        if ours.__module__.startswith("entrypoints.")
        for name in vars(ours)
        if name.startswith("_") and not name.startswith("__") and hasattr(base, name)
    }
    assert overridden, "there is nothing left to look after: delete this test"
    assert {module for module, _ in overridden} == {server.__name__}
    assert {method for _, method in overridden} <= READ.keys()


def subclasses(base: type[Any]) -> Iterator[type]:
    for subclass in base.__subclasses__():
        yield subclass
        yield from subclasses(subclass)


def test_the_library_reads_the_limit_on_packets_of_a_post() -> None:
    assert isinstance(Payload.max_decode_packets, int)
    assert "max_decode_packets" in inspect.getsource(Payload.decode)
