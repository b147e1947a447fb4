"""The program of the process that reads one video file, so that FFmpeg runs outside the service.

Requests and answers are lines of JSON:

- ``{"path": …, …}`` opens the file, with the arguments of ``VideoFile``. Answer: ``{"facts": …}``.
- ``{"every_s": …, …}`` asks for the next item, with the arguments of ``VideoFile.items``. Answer:
  ``{"frame": …}`` and the frame's pixels, ``{"unreadable": […]}``, ``{}`` if reading takes longer,
  or ``{"has_ended": true}``.
- Either may be answered by ``{"error": …}`` or ``{"os_error": […]}``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from adapters.av.video_file import VideoFile
from adapters.child_process import (
    describe_error,
    describe_image,
    held_memory,
    limit_memory,
    limit_time,
    lower_priority,
)
from application.ports.video_reader import VideoFrame
from domain.errors import DomainError
from domain.video import UnreadablePart

_OPENING_CPU_S = 5.0
"""CPU time for opening a file. An hour of 4K video takes half a second."""
_ANSWER_CPU_S = 10.0
"""CPU time for each further answer. A frame of 4K video takes a fifth of a second."""
_OPENING_MEMORY_BYTES = 192 * 2**20
"""Memory for opening a file, besides what the process holds before. HEVC of 4K with full colours
takes 170 MB."""
_READING_MEMORY_BYTES = 512 * 2**20
"""Memory for the frames, besides what the process holds before the file is open. HEVC of 4K with
full colours takes 320 MB."""

Answer = tuple[dict[str, Any], memoryview | None]
"""What is sent as a line of JSON, and the pixels that follow it, if any."""


def main() -> None:
    """Read requests from standard input and write answers to standard output."""
    lower_priority()
    held_bytes = held_memory()
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    server = _Server()
    while line := requests.readline():
        request = json.loads(line)
        is_opening = "path" in request
        limit_memory(held_bytes, _OPENING_MEMORY_BYTES if is_opening else _READING_MEMORY_BYTES)
        limit_time(_OPENING_CPU_S if is_opening else _ANSWER_CPU_S)
        answer, pixels = server.answer(request)
        limit_time(0)
        answers.write(json.dumps(answer).encode() + b"\n")
        if pixels is not None:
            answers.write(pixels)
        answers.flush()


class _Server:
    """Answers requests about one file, which the first of them names."""

    def __init__(self) -> None:
        self._file: VideoFile | None = None
        self._items: Iterator[VideoFrame | UnreadablePart | None] | None = None

    def answer(self, request: dict[str, Any]) -> Answer:
        """Do what is requested; see the module."""
        try:
            return self._open(**request) if "path" in request else self._next(**request)
        except DomainError as error:
            return {"error": describe_error(error)}, None
        except OSError as error:
            return {"os_error": [error.errno or 0, error.strerror or str(error)]}, None

    def _open(self, path: str, **limits: Any) -> Answer:
        self._file = VideoFile(Path(path), **limits)
        return {"facts": asdict(self._file.facts)}, None

    def _next(self, **wanted: Any) -> Answer:
        assert self._file is not None
        if self._items is None:
            self._items = self._file.items(**wanted)
        for item in self._items:
            return _answer_with(item)
        return {"has_ended": True}, None


def _answer_with(item: VideoFrame | UnreadablePart | None) -> Answer:
    if item is None:
        return {}, None
    if isinstance(item, UnreadablePart):
        return {"unreadable": [item.from_s, item.to_s]}, None
    frame = {"time_s": item.time_s, "scene": item.scene, "image": describe_image(item.image)}
    return {"frame": frame}, item.image.pixels.data  # type: ignore[attr-defined]
