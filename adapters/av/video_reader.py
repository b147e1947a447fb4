"""Reading video files, each in a process of its own."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import select
import signal
import subprocess
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from adapters.av.video_formats import format_of_file
from adapters.child_process import end, error_from, receive_image, start
from adapters.inference.executor import WorkExecutor
from application.errors import InferenceUnavailable
from application.ports.video_reader import OpenVideo, VideoFacts, VideoFrame
from application.work.cancellation import uninterrupted
from application.work.priority import Priority
from domain.errors import InvalidVideo, VideoTooLarge
from domain.image import Image
from domain.video import MAX_VIDEO_FRAME_SIZE, UnreadablePart

_ERRORS = (InvalidVideo, VideoTooLarge)
_WAIT_S = 0.3
"""How long a thread waits for an answer before it turns to other work."""
_ENDED_BY_OTHERS = (-signal.SIGKILL, -signal.SIGTERM, -signal.SIGALRM)
"""Exit statuses that say nothing about the file."""

_Answer = tuple[dict[str, Any], Image | None]
"""What the process sent, and the image of a frame; see ``adapters.av.reading_process``."""

log = logging.getLogger(__name__)


class AvVideoReader:
    """Fulfils the port ``VideoReader`` with PyAV, in one process per file.

    A file that crashes FFmpeg, or makes it use memory or time without bound, harms only that
    process; see ``docs/adr/0019-video-files-are-read-in-processes-of-their-own.md``. If this
    happens after the first frame, the rest of the file counts as damaged.

    Args:
        executor: one of its threads waits while the process works, so that both together use no
            more than one processor. The work has lower priority than images and live sessions.
        max_pixels: how many pixels a frame may have.
        cpu_s: CPU time for a whole file, besides ten seconds for each second that it plays. What
            is left when it is used up counts as damaged.
    """

    def __init__(
        self,
        *,
        executor: WorkExecutor,
        max_pixels: int = math.prod(MAX_VIDEO_FRAME_SIZE),
        cpu_s: float = 60.0,
    ) -> None:
        self._executor = executor
        self._limits = {
            "max_pixels": max_pixels,
            "cpu_s": cpu_s,
        }

    @asynccontextmanager
    async def open(self, path: Path) -> AsyncIterator[OpenVideo]:
        """Open a file for the length of a block; see the port.

        Raises:
            InferenceUnavailable: the process cannot be started, or was killed by others.
        """
        # First, because most wrong files are no videos at all and need no process.
        await self._executor.run(format_of_file, path, priority=Priority.BACKGROUND)
        process = _Process()
        try:
            request = {"path": str(path), **self._limits}
            try:
                answer, _ = await _request(self._executor, process, request)
            except _Crashed as error:
                raise InvalidVideo(
                    "the video file is damaged or cut short", reason="damaged"
                ) from error
            except _Ended as error:
                raise InferenceUnavailable("videos cannot be read now") from error
            yield _OpenVideo(self._executor, process, VideoFacts(**answer["facts"]))
        finally:
            await uninterrupted(asyncio.to_thread(process.close))


class _OpenVideo:
    def __init__(self, executor: WorkExecutor, process: _Process, facts: VideoFacts) -> None:
        self._executor = executor
        self._process = process
        self.facts = facts

    async def frames(
        self, *, every_s: float, from_s: float = 0.0, to_s: float | None = None
    ) -> AsyncGenerator[VideoFrame | UnreadablePart, None]:
        """Yield the wanted frames and the damaged stretches; see the port."""
        request = {"every_s": every_s, "from_s": from_s, "to_s": to_s}
        last_s = from_s
        while True:
            try:
                answer, image = await _request(self._executor, self._process, request)
            except _Crashed:
                yield UnreadablePart(last_s, None)
                return
            if "has_ended" in answer:
                return
            if "unreadable" in answer:
                yield UnreadablePart(*answer["unreadable"])
            elif image is not None:
                last_s = answer["frame"]["time_s"]
                yield VideoFrame(image, last_s, answer["frame"]["scene"])


async def _request(executor: WorkExecutor, process: _Process, request: dict[str, Any]) -> _Answer:
    """Send a request and wait for the answer; raises what ``_Process.ask`` does."""
    answer = await executor.run(process.ask, request, priority=Priority.BACKGROUND)
    while answer is None:
        answer = await executor.run(process.answer, priority=Priority.BACKGROUND)
    return answer


class _Ended(OSError):
    """The reading process was killed by others, or cannot be started."""


class _Crashed(Exception):
    """The file crashed the reading process, or used up its limits."""


class _Process:
    """The process that reads one file; started by the first request.

    One thread at a time sends requests. Any thread may close it meanwhile.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._is_closed = False
        self._changing = threading.Lock()

    def ask(self, request: dict[str, Any]) -> _Answer | None:
        """Send a request, and wait for the answer for 0.3 s; blocks.

        Returns:
            The answer; None if it has not come yet, so that ``answer`` has to be called.

        Raises:
            InvalidVideo, VideoTooLarge, OSError: what the process found wrong with the file.
            _Crashed, _Ended: the process has ended without an answer.
        """
        process = self._start_once()
        try:
            assert process.stdin is not None
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
        except (OSError, ValueError) as error:
            raise self._failure(process) from error
        return self.answer()

    def answer(self) -> _Answer | None:
        """Wait another 0.3 s for the answer; returns and raises what ``ask`` does."""
        process = self._start_once()
        try:
            received = _receive(process)
        except (OSError, EOFError, ValueError) as error:
            raise self._failure(process) from error
        if received is None:
            return None
        answer, _ = received
        if "error" in answer:
            raise error_from(answer["error"], _ERRORS)
        if "os_error" in answer:
            raise OSError(*answer["os_error"])
        return received

    def close(self) -> None:
        """Kill the process, whatever it does, and wait until it has ended."""
        with self._changing:
            self._is_closed = True
        if self._process is not None:
            end(self._process)

    def _failure(self, process: subprocess.Popen[bytes]) -> Exception:
        status = end(process)
        if self._is_closed or status in _ENDED_BY_OTHERS:
            return _Ended("the process that reads a video was ended")
        log.warning("a video stopped the process that reads it (status %d)", status)
        return _Crashed()

    def _start_once(self) -> subprocess.Popen[bytes]:
        with self._changing:
            if self._is_closed:
                raise _Ended("the video is closed")
            if self._process is None:
                try:
                    self._process = start("adapters.av.reading_process")
                except OSError as error:
                    raise _Ended("the process that reads a video cannot be started") from error
            return self._process


def _receive(process: subprocess.Popen[bytes]) -> _Answer | None:
    answers = process.stdout
    assert answers is not None
    ready = select.poll()
    ready.register(answers, select.POLLIN)
    if not ready.poll(1000 * _WAIT_S):
        return None
    answer: dict[str, Any] = json.loads(answers.readline())  # an empty line is a ValueError
    frame = answer.get("frame")
    return answer, None if frame is None else receive_image(answers, frame["image"])
