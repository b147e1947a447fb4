"""Where the chain of elements in an MKV file is broken, written byte by byte."""

from io import BytesIO
from pathlib import Path

import av
import pytest

from adapters.av.matroska_gaps import MatroskaGaps
from adapters.av.video_reader import AvVideoReader
from adapters.inference.executor import WorkExecutor
from domain.video import UnreadablePart
from tests import clips

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


async def test_pictures_lost_before_the_last_sound_are_damage(
    single_thread: WorkExecutor, tmp_path: Path
) -> None:
    clip = clips.write_clip_with_sound(
        tmp_path / "clip.mkv",
        clips.numbered(50),
        sound_s=8,
        container_options={"cluster_time_limit": "500"},
    )
    with av.open(str(clip)) as container:
        packets = [
            (packet.stream.type, packet.pos or 0)
            for packet in container.demux()
            if packet.pts is not None
            and packet.pts * packet.time_base >= (3 if packet.stream.type == "video" else 6)
        ]
    begin = next(at for kind, at in packets if kind == "video")
    end = next(at for kind, at in packets if kind == "audio")
    content = bytearray(clip.read_bytes())
    content[begin:end] = bytes(end - begin)
    clip.write_bytes(content)
    async with AvVideoReader(executor=single_thread).open(clip) as video:
        items = [item async for item in video.frames(every_s=0.5)]
    damage = items[-1]
    assert isinstance(damage, UnreadablePart)
    assert damage.from_s == pytest.approx(2.9, abs=0.2)
    assert damage.to_s is None
