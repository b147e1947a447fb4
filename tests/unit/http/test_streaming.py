import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from litestar.types import Message
from msgspec import Struct

from entrypoints.http.streaming import ClosingStream, event_stream


async def test_what_is_streamed_is_closed_when_the_client_disconnects() -> None:
    open_files = set()

    async def chunks() -> AsyncIterator[bytes]:
        open_files.add("film.mp4")
        try:
            while True:
                yield b"chunk"
        finally:
            open_files.remove("film.mp4")

    sending = asyncio.Event()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            sending.set()
            await asyncio.Event().wait()  # the client reads nothing

    async def receive() -> Any:
        await sending.wait()
        assert open_files
        return {"type": "http.disconnect"}

    streamed = chunks()  # held here, so that no garbage collector closes it
    answer = ClosingStream(streamed).to_asgi_response(app=None, request=None)
    scope: Any = {"type": "http", "extensions": {}}
    async with asyncio.timeout(20):
        await answer(scope, receive, send)
    assert not open_files


class Progress(Struct):
    percent: int


async def test_work_ends_when_its_answer_fails_before_the_first_event() -> None:
    is_working = False

    async def work() -> AsyncIterator[int]:
        nonlocal is_working
        is_working = True
        try:
            while True:
                yield 1
        finally:
            is_working = False

    async def send(_: Message) -> None:
        raise ConnectionError

    async def receive() -> Any:
        await asyncio.Event().wait()

    working = work()
    answer = (await event_stream(working, Progress)).to_asgi_response(app=None, request=None)
    assert is_working
    scope: Any = {"type": "http", "extensions": {}}
    with contextlib.suppress(ConnectionError, ExceptionGroup):
        await answer(scope, receive, send)
    assert not is_working
