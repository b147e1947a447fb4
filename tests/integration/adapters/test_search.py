"""Searching the bytes of images finds the same as the methods of ``bytes``."""

import random

import pytest

from adapters.opencv import search

WANTED = [b"\xff\xda", b"\xff\xdc\x00\x04"]


@pytest.mark.parametrize("wanted", WANTED)
@pytest.mark.parametrize("size", [0, 1, 3, 4, 5, 1000, 2**17 + 3])
@pytest.mark.parametrize("begin", [0, 1, 2, 3])
def test_random_bytes(wanted: bytes, size: int, begin: int) -> None:
    chance = random.Random(size)
    data = bytes(chance.choices(b"\xff\xff\xda\xdc\x00\x04", k=size))
    assert search.find(data, wanted, begin) == data.find(wanted, begin)
    assert search.count(data, wanted, begin) == data.count(wanted, begin)


@pytest.mark.parametrize("wanted", WANTED)
@pytest.mark.parametrize("before", [2**17 - n for n in range(-2, 6)])
def test_what_stands_across_two_pieces_is_found(wanted: bytes, before: int) -> None:
    data = bytes(before) + wanted + bytes(10)
    assert search.find(data, wanted) == before
    assert search.count(data, wanted) == 1
