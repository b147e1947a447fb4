"""Where the chain of elements in an MKV file is broken, written byte by byte."""

from io import BytesIO

import pytest

from adapters.av.matroska_gaps import MatroskaGaps

CLUSTER = bytes.fromhex("1f43b675 01ffffffffffffff")
"""Of unknown size, as live recordings write it."""
VOID = b"\xec\x80"
CONTENT = b"\x81\x00\x00\x80frame"
BLOCK = b"\xa3" + bytes([0x80 | len(CONTENT)]) + CONTENT


def answers(*parts: bytes) -> list[bool]:
    """Whether bytes are lost before each block of a file of these parts."""
    gaps, at, found = MatroskaGaps(BytesIO(b"".join(parts))), 0, []
    for part in parts:
        if part == BLOCK:
            found.append(gaps.has_lost_before(at + len(BLOCK) - len(CONTENT)))
        at += len(part)
    return found


@pytest.mark.parametrize(
    ("between", "lost"),
    [
        (b"", False),
        (VOID * 5, False),
        (CLUSTER, False),
        (bytes(30), True),
        (VOID + b"\x55" * 30, True),
        (BLOCK[:4], True),
    ],
)
def test_what_is_lost_between_two_blocks_is_noticed(between: bytes, lost: bool) -> None:
    assert answers(CLUSTER, BLOCK, between, BLOCK, BLOCK) == [False, lost, False]


def test_countless_elements_between_two_blocks_are_not_followed_to_their_end() -> None:
    assert answers(CLUSTER, BLOCK, VOID * 20_000 + bytes(30), BLOCK) == [False, False]
