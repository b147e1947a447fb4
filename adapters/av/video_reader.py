"""Reading the wanted frames of video files, upright, with their presentation times."""

from __future__ import annotations

import asyncio
import json
import logging
import select
import signal
import subprocess
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from adapters.av.video_formats import format_of_file
from adapters.child_process import end, receive_image, refusal, start
from adapters.inference.executor import WorkExecutor
from application.errors import InferenceUnavailable
from application.ports.video_reader import OpenVideo, VideoFacts, VideoFrame
from application.work.admission import Priority
from application.work.cancellation import uninterrupted
from domain.errors import InvalidVideo, VideoTooLarge
from domain.image import Image
from domain.video import Damage

_REFUSALS = (InvalidVideo, VideoTooLarge)
_WAITS_S = 0.3
"""How long a thread waits for the process before other work on the thread has its turn."""
# Signals that say nothing about the file.
_ENDED_BY_OTHERS = (-signal.SIGKILL, -signal.SIGTERM, -signal.SIGALRM)

_Answer = tuple[dict[str, Any], Image | None]

log = logging.getLogger(__name__)


class AvVideoReader:
    """Fulfils the port ``VideoReader`` with PyAV: right presentation times, rotation, and errors.

    Each file is read by a process of its own, so a file that crashes FFmpeg, or makes it use memory
    or time without bound, does not harm the service; see
    ``docs/adr/0019-video-files-are-read-in-processes-of-their-own.md``. If this happens after the
    first frame, the rest of the file counts as damaged.

    Args:
        executor: its threads wait for the process, so both together use one processor at most;
            with lower priority than images and live sessions, and never for long at once.
        max_pixels: of a frame.
        working_side_px: the longer side of frames is at most this long; detectors do not use more.
        cpu_s: processor time for a whole file, besides ten seconds for each that it plays; the rest
            counts as damaged.
    """

    def __init__(
        self,
        *,
        executor: WorkExecutor,
        max_pixels: int = 4096 * 2304,
        working_side_px: int = 1280,
        cpu_s: float = 60.0,
    ) -> None:
        self._executor = executor
        self._limits = {
            "max_pixels": max_pixels,
            "working_side_px": working_side_px,
            "cpu_s": cpu_s,
        }

    @asynccontextmanager
    async def open(self, path: Path) -> AsyncIterator[OpenVideo]:
        """Open a file for the length of a block; see the port.

        Raises:
            InferenceUnavailable: the process cannot be started, or was ended from outside.
        """
        # Checked before a process is started.
        await self._executor.run(format_of_file, path, priority=Priority.BACKGROUND)
        process = _Process()
        try:
            request = {"path": str(path), **self._limits}
            try:
                answer, _ = await _asked(self._executor, process, request)
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
    ) -> AsyncIterator[VideoFrame | Damage]:
        """Yield the wanted frames; see the port."""
        request = {"every_s": every_s, "from_s": from_s, "to_s": to_s}
        last_s = from_s
        while True:
            try:
                answer, image = await _asked(self._executor, self._process, request)
            except _Crashed:
                yield Damage(last_s, None)
                return
            if "has_ended" in answer:
                return
            if "damage" in answer:
                yield Damage(*answer["damage"])
            elif image is not None:
                last_s = answer["frame"]["time_s"]
                yield VideoFrame(image, last_s, answer["frame"]["scene"])


async def _asked(executor: WorkExecutor, process: _Process, request: dict[str, Any]) -> _Answer:
    """The answer of the process, with the image of a frame; raises what ``_Process.ask`` does."""
    answered = await executor.run(process.ask, request, priority=Priority.BACKGROUND)
    while answered is None:
        answered = await executor.run(process.answer, priority=Priority.BACKGROUND)
    return answered


class _Ended(OSError):
    """The reading process was ended from outside, or cannot be started."""


class _Crashed(Exception):
    """The file crashed the reading process, or used up its limits."""


class _Process:
    """The process that reads one file. One thread at a time sends requests; any may end it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._is_closed = False
        self._changing = threading.Lock()

    def ask(self, request: dict[str, Any]) -> _Answer | None:
        """Send a request and wait for the answer for a moment; blocks.

        Returns:
            The answer with the image of a frame; None if ``answer`` will return it.

        Raises:
            DomainError, OSError: what the process says about the file.
            _Crashed, _Ended: there is no answer.
        """
        process = self._running()
        try:
            assert process.stdin is not None
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
        except (OSError, ValueError) as error:
            raise self._failure(process) from error
        return self.answer()

    def answer(self) -> _Answer | None:
        """Wait for the answer for a moment longer; as ``ask``."""
        process = self._running()
        try:
            received = _received(process)
        except (OSError, EOFError, ValueError) as error:
            raise self._failure(process) from error
        if received is None:
            return None
        answer, _ = received
        if "refusal" in answer:
            raise refusal(answer["refusal"], _REFUSALS)
        if "os_error" in answer:
            raise OSError(*answer["os_error"])
        return received

    def close(self) -> None:
        """End the process, whatever it does; blocks for a moment."""
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

    def _running(self) -> subprocess.Popen[bytes]:
        with self._changing:
            if self._is_closed:
                raise _Ended("the video is closed")
            if self._process is None:
                try:
                    self._process = start("adapters.av.reading_process")
                except OSError as error:
                    raise _Ended("the process that reads a video cannot be started") from error
            return self._process


def _received(process: subprocess.Popen[bytes]) -> _Answer | None:
    answers = process.stdout
    assert answers is not None
    ready = select.poll()
    ready.register(answers, select.POLLIN)
    if not ready.poll(1000 * _WAITS_S):
        return None
    answer: dict[str, Any] = json.loads(answers.readline())  # an empty line is a ValueError
    frame = answer.get("frame")
    return answer, None if frame is None else receive_image(answers, frame["image"])
