"""The process that reads one video file, so that FFmpeg does not run in the service itself.

Its first request names the file, and the answer is what the file says about itself. Each further
request is answered by the next frame, by a stretch that cannot be read, or by nothing yet.
Requests and answers are lines of JSON; the pixels of a frame follow its line.
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
    held_memory,
    image_facts,
    limit_memory,
    limit_time,
    lower_priority,
    refusal_facts,
)
from application.ports.video_reader import VideoFrame
from domain.errors import DomainError
from domain.video import Damage

_OPENING_CPU_S = 5.0
"""For opening a file; an hour of 4K video takes half a second."""
_ANSWER_CPU_S = 10.0
"""For one answer; those to frames of 4K video take a fifth of a second."""
_OPENING_MEMORY_BYTES, _MEMORY_BYTES = 192 * 2**20, 512 * 2**20
"""Beyond what the process holds at first, until a file is open and then. To open one, HEVC of 4K
and full colours took 170 MB; to read on, 320."""

Answer = dict[str, Any]


def main() -> None:
    """Serve standard input and output."""
    lower_priority()
    held_bytes = held_memory()
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    reading = _Reading()
    while line := requests.readline():
        request = json.loads(line)
        is_opening = "path" in request
        memory_bytes = _OPENING_MEMORY_BYTES if is_opening else _MEMORY_BYTES
        limit_memory(memory_bytes, held_bytes=held_bytes)
        limit_time(_OPENING_CPU_S if is_opening else _ANSWER_CPU_S)
        answer, pixels = _answered(reading, request)
        limit_time(0)
        answers.write(json.dumps(answer).encode() + b"\n")
        if pixels is not None:
            answers.write(pixels)
        answers.flush()


class _Reading:
    """The open file, and the frames that were not sent yet."""

    def __init__(self) -> None:
        self._file: VideoFile | None = None
        self._items: Iterator[VideoFrame | Damage | None] | None = None

    def open(self, path: str, **limits: Any) -> Answer:
        """Open the file."""
        self._file = VideoFile(Path(path), **limits)
        return {"facts": asdict(self._file.facts)}

    def next(self, **wanted: Any) -> tuple[Answer, memoryview | None]:
        """The next item, with the pixels that follow where it is a frame."""
        assert self._file is not None
        if self._items is None:
            self._items = self._file.items(**wanted)
        for item in self._items:
            return _describe(item)
        return {"has_ended": True}, None


def _answered(reading: _Reading, request: dict[str, Any]) -> tuple[Answer, memoryview | None]:
    try:
        if "path" in request:
            return reading.open(**request), None
        return reading.next(**request)
    except DomainError as error:
        return {"refusal": refusal_facts(error)}, None
    except OSError as error:
        return {"os_error": [error.errno or 0, error.strerror or str(error)]}, None


def _describe(item: VideoFrame | Damage | None) -> tuple[Answer, memoryview | None]:
    if item is None:
        return {}, None
    if isinstance(item, Damage):
        return {"damage": [item.from_s, item.to_s]}, None
    frame = {"time_s": item.time_s, "scene": item.scene, "image": image_facts(item.image)}
    return {"frame": frame}, item.image.pixels.data  # type: ignore[attr-defined]
