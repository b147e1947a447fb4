"""Cameras, over a real connection."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Awaitable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from adapters.av.camera import camera_frames
from application.ports.video_reader import VideoFrame
from domain.errors import InvalidRequest
from tests.servers.rtsp import rtsp_camera

_PORTRAIT = np.ascontiguousarray(data.astronaut()[:240, 120:360])


async def test_a_camera_returns_its_newest_frames_until_the_connection_is_lost() -> None:
    seen: list[VideoFrame] = []
    async with rtsp_camera(_PORTRAIT, frames=25) as camera, asyncio.timeout(60):
        with suppress(OSError):  # the camera may announce its end or just disappear
            async for frame in camera_frames(camera.url):
                seen.append(frame)  # noqa: PERF401
    assert seen
    assert (seen[0].image.width, seen[0].image.height) == (240, 240)
    pixels = seen[-1].image.pixels
    assert isinstance(pixels, np.ndarray)
    assert np.abs(pixels.astype(int) - _PORTRAIT).mean() < 12


async def test_closing_a_camera_ends_its_thread() -> None:
    async with rtsp_camera(_PORTRAIT) as camera, asyncio.timeout(60):
        frames = camera_frames(camera.url)
        assert await anext(frames)
        await frames.aclose()


async def test_a_missing_camera_is_an_error() -> None:
    with pytest.raises(OSError, match="refused"):
        await anext(camera_frames("rtsp://127.0.0.1:9/stream"))


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("rtsp://nowhere.invalid/stream", "the host nowhere.invalid was not found"),
        (f"rtsp://{'a' * 64}.example/", "cannot be the name of a host"),
        ("4711", "/dev/video4711: No such file or directory"),
    ],
)
async def test_the_error_says_what_is_missing(source: str, why: str) -> None:
    with pytest.raises(OSError, match=why):
        await anext(camera_frames(source))


@pytest.mark.parametrize(
    "source",
    ["http://camera/", "file:///etc/passwd", "/dev/video0", "-1", "", "rtsp://", "rtsp://a:b/"],
)
async def test_only_devices_and_rtsp_addresses_are_opened(source: str) -> None:
    with pytest.raises(InvalidRequest):
        await anext(camera_frames(source))


async def test_a_camera_that_stops_sending_is_said_not_to_answer() -> None:
    async with rtsp_camera(_PORTRAIT, frames=25, freezes=True) as camera, asyncio.timeout(60):
        with pytest.raises(OSError, match="it does not answer"):
            async for _ in camera_frames(camera.url):
                pass


async def test_a_camera_that_sends_sound_but_no_more_pictures_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("adapters.av.camera._PICTURE_WITHIN_S", 1.0)
    async with (
        rtsp_camera(_PORTRAIT, frames=25, sounds=True) as camera,
        asyncio.timeout(20),
    ):
        with pytest.raises(OSError, match="it sends no frame that can be read"):
            async for _ in camera_frames(camera.url):
                pass


def watch(*arguments: str, cwd: Path) -> Awaitable[Process]:
    return asyncio.create_subprocess_exec(
        sys.executable, "-m", "entrypoints.cli", "watch", *arguments,
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[3])},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
async def test_a_full_disk_ends_the_watching_with_what_was_seen(tmp_path: Path) -> None:
    async with rtsp_camera(_PORTRAIT) as camera, asyncio.timeout(240):
        process = await watch(camera.url, "--out", "/dev/full", cwd=tmp_path)
        printed, notes = await process.communicate()
    assert process.returncode == 2
    assert "/dev/full cannot be written: No space left on device" in notes.decode()
    assert "the camera" not in notes.decode()
    assert "1 frames analysed" in printed.decode()


async def test_a_camera_is_watched_at_a_terminal_until_ctrl_c(tmp_path: Path) -> None:
    out = tmp_path / "seen.jsonl"
    async with rtsp_camera(_PORTRAIT) as camera, asyncio.timeout(240):
        process = await watch(camera.url, "--out", str(out), cwd=tmp_path)
        try:
            assert process.stdout is not None
            said = (await process.stdout.readline()).decode()
            process.send_signal(signal.SIGINT)
            rest, complaints = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
    assert process.returncode == 0, complaints.decode()
    assert "face_1 happy" in said
    assert "watched" in rest.decode()
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert {row["dominant_emotion"] for row in rows} == {"happy"}
