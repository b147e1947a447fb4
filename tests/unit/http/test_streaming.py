import asyncio
from collections.abc import AsyncIterator
from typing import Any

from litestar.types import Message

from entrypoints.http.streaming import ClosingStream


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
