"""Connections whose bodies are discarded take turns."""

import asyncio

from entrypoints.server.pacing import ReadingTurns


async def test_connections_that_send_without_end_read_in_turn() -> None:
    turns, read, enough = ReadingTurns(), [], asyncio.Event()

    def wait_again(name: str) -> None:
        def read_on() -> None:
            read.append(name)
            if len(read) == 6:
                enough.set()
            else:
                turns.wait(read_on)

        turns.wait(read_on)

    for name in ("first", "second", "third"):
        wait_again(name)
    assert read == [], "reading pauses until it is the connection's turn"
    await asyncio.wait_for(enough.wait(), 10)
    assert read == 2 * ["first", "second", "third"]
