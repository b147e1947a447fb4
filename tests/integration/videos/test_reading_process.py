"""The process that reads a video file: its limits, and the frames before a failure."""

import asyncio
import os
import signal
from contextlib import aclosing
from pathlib import Path

import pytest

from adapters.av.video_reader import AvVideoReader
from adapters.inference.executor import WorkExecutor
from application.errors import InferenceUnavailable
from application.ports.video_reader import VideoFrame
from domain.errors import InvalidVideo
from domain.video import UnreadablePart
from tests import clips

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux")


@pytest.fixture
def reader(single_thread: WorkExecutor) -> AvVideoReader:
    return AvVideoReader(executor=single_thread)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return clips.write_clip(tmp_path / "clip.mp4", clips.numbered(60))


def readers() -> set[int]:
    """The running reading processes."""
    children = {
        int(child)
        for thread in Path("/proc/self/task").iterdir()
        for child in (thread / "children").read_text().split()
    }
    return {
        child
        for child in children
        if b"reading_process" in Path(f"/proc/{child}/cmdline").read_bytes()
    }


async def test_a_small_file_that_claims_millions_of_frames_costs_neither_memory_nor_time(
    reader: AvVideoReader, clip: Path
) -> None:
    # FFmpeg would need 5 GB and a minute and a half.
    with pytest.raises(InvalidVideo) as refused:
        async with reader.open(clips.claiming_samples(clip, 80_000_000)):
            pass
    assert refused.value.details["reason"] == "damaged"


async def test_frames_before_one_that_crashes_the_reader_count(
    reader: AvVideoReader, clip: Path
) -> None:
    items: list[VideoFrame | UnreadablePart] = []
    async with reader.open(clip) as video:
        async for item in video.frames(every_s=1.0):
            items.append(item)
            if len(items) == 3:
                (process,) = readers()
                os.kill(process, signal.SIGSEGV)
    assert [item.time_s for item in items if isinstance(item, VideoFrame)] == [0.0, 1.0, 2.0]
    assert items[3:] == [UnreadablePart(2.0, None)]


def resident_mb(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


@pytest.mark.parametrize("name", ["rotated.mp4", "clip.avi"])
async def test_reading_more_frames_takes_no_more_memory(
    reader: AvVideoReader, tmp_path: Path, name: str
) -> None:
    frames = clips.numbered(40, width=1920, height=1080)
    clip = clips.write_clip(
        tmp_path / name, frames, options={"preset": "ultrafast", "tune": "zerolatency"}, ticks=10
    )
    if name == "rotated.mp4":
        clips.placed(clip, clips.QUARTER_TURNS[1])
    held_mb = []
    async with reader.open(clip) as video:
        async for _ in video.frames(every_s=0.1):
            (process,) = readers()
            held_mb.append(resident_mb(process))
    assert len(held_mb) == 40
    # One decoded frame has 3 MB, and its pixels 2.6 MB.
    assert max(held_mb[10:]) - held_mb[10] < 10


async def test_other_work_goes_first_while_a_file_takes_long_to_open(tmp_path: Path) -> None:
    clip = clips.write_clip(tmp_path / "clip.mkv", clips.numbered(1))
    clips.with_empty_packets(clip, 600_000)
    executor, opened = WorkExecutor(1), asyncio.Event()

    async def open_it() -> None:
        async with AvVideoReader(executor=executor).open(clip):
            opened.set()

    opening = asyncio.create_task(open_it())
    async with asyncio.timeout(20):
        while not readers():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        (process,) = readers()
        os.kill(process, signal.SIGSTOP)  # However fast the machine is, opening takes until later.
        await executor.run(os.getpid)
    assert not opened.is_set()
    os.kill(process, signal.SIGCONT)
    await opening
    executor.close()


async def test_killing_the_reader_does_not_reject_the_file(
    reader: AvVideoReader, clip: Path
) -> None:
    async def read() -> None:
        async with reader.open(clip) as video:
            async for _ in video.frames(every_s=1.0):
                (process,) = readers()
                os.kill(process, signal.SIGKILL)

    with pytest.raises(OSError, match="was ended"):
        await read()


async def test_a_process_that_cannot_be_started_raises_inference_unavailable(
    reader: AvVideoReader, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/no/such/python")
    with pytest.raises(InferenceUnavailable):
        async with reader.open(clip):
            pass


async def test_closing_ends_the_process_even_during_its_work(
    reader: AvVideoReader, clip: Path
) -> None:
    opened = asyncio.Event()

    async def read_on() -> None:
        async with reader.open(clip) as video, aclosing(video.frames(every_s=0.1)) as frames:
            opened.set()
            async for _ in frames:
                pass

    for _ in range(3):
        opened.clear()
        reading = asyncio.create_task(read_on())
        await opened.wait()
        await asyncio.sleep(0)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        assert readers() == set()
