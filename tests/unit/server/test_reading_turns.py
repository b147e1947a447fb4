"""Connections with large bodies take turns in reading."""

import asyncio

import pytest

from entrypoints.server.pacing import ReadingTurns


@pytest.mark.parametrize("pause_s", [0.0, 0.005])
async def test_connections_that_send_without_end_read_in_turn(pause_s: float) -> None:
    turns, read, enough = ReadingTurns(pause_s), [], asyncio.Event()

    def wait_again(name: str) -> None:
        def read_on() -> None:
            read.append(name)
            if len(read) < 6:
                turns.wait(read_on, "one address")
            elif len(read) == 6:
                enough.set()

        turns.wait(read_on, "one address")

    for name in ("first", "second", "third"):
        wait_again(name)
    assert read == [], "reading pauses until it is the connection's turn"
    await asyncio.wait_for(enough.wait(), 10)
    assert read[:6] == 2 * ["first", "second", "third"]


async def test_a_sender_with_one_connection_waits_for_one_of_another_sender() -> None:
    turns, read, last = ReadingTurns(), [], asyncio.Event()
    for _ in range(99):
        turns.wait(lambda: read.append("many"), "many")
    turns.wait(last.set, "many")
    turns.wait(lambda: read.append("one"), "one")
    await asyncio.wait_for(last.wait(), 10)
    assert read.index("one") == 1
