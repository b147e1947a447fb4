"""The program of the process that decodes costly and rare images, one after the other.

A request is a line of JSON and the image; an answer is a line of JSON and the pixels.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from adapters.opencv.encoded import DecodingLimits, too_much_memory
from adapters.opencv.reading import read_header, read_image, recognise
from domain.errors import DomainError
from domain.image import Image

# Memory for what the libraries load and keep, besides what an image needs.
_SLACK_BYTES = 64 * 1024 * 1024
_NICER = 5
_MORE = "this image needs more"


def main() -> None:
    """Read requests from standard input and write answers to standard output."""
    os.nice(_NICER)  # other work goes first
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while line := requests.readline():
        request = json.loads(line)
        data = requests.read(request["size"])
        limits = DecodingLimits(**request["limits"])
        _answer(answers, data, limits)
        del data


def request_line(data: bytes, limits: DecodingLimits) -> bytes:
    """The first line of a request; the image follows."""
    return json.dumps({"size": len(data), "limits": asdict(limits)}).encode() + b"\n"


def _answer(answers: BinaryIO, data: bytes, limits: DecodingLimits) -> None:
    try:
        image = _decode(data, limits)
    except (DomainError, MemoryError) as failure:
        error = failure if isinstance(failure, DomainError) else too_much_memory(limits, _MORE)
        refusal = {"code": error.code, "message": str(error), "details": error.details}
        _send(answers, {"refusal": refusal})
        return
    finally:
        _limit_time(0)
    facts = {
        "shape": image.pixels.shape,  # type: ignore[attr-defined]
        "width": image.width,
        "height": image.height,
        "media_type": image.media_type,
        "scale": image.scale,
    }
    _send(answers, facts)
    answers.write(image.pixels.data)  # type: ignore[attr-defined]
    answers.flush()


def _decode(data: bytes, limits: DecodingLimits) -> Image:
    # The kernel ends this process when its CPU time is used up.
    _limit_time(limits.cpu_s)
    _limit_memory(limits.memory_bytes)
    kind = recognise(data)
    header = read_header(data, kind, thorough=True)
    assert header is not None
    header.check_size(limits)
    header.check_cost(limits)
    return read_image(data, header, limits)


def _limit_time(cpu_s: float) -> None:
    signal.setitimer(signal.ITIMER_PROF, cpu_s)


def _limit_memory(memory_bytes: int) -> None:
    statm = Path("/proc/self/statm")
    if not statm.exists():  # not Linux: only the estimates limit memory
        return
    import resource

    held = int(statm.read_text().split()[0]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (held + memory_bytes + _SLACK_BYTES, hard))


def _send(answers: BinaryIO, facts: dict[str, Any]) -> None:
    answers.write(json.dumps(facts).encode() + b"\n")
    answers.flush()
