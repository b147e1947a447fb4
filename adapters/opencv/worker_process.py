"""The program of the process that decodes costly and rare images, one after the other.

A request is a line of JSON and the image; an answer is a line of JSON, the pixels, and a line that
says whether the process ends now.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any, BinaryIO

from adapters.child_process import (
    describe_error,
    describe_image,
    held_memory,
    limit_memory,
    limit_time,
    lower_priority,
    resident_memory,
)
from adapters.opencv.encoded import MEGABYTE, DecodingLimits, too_much_memory
from adapters.opencv.reading import load_library, read_header, read_image, recognise
from domain.errors import DomainError
from domain.image import Image

_MORE = "this image needs more"
_MAX_KEPT_BYTES = 16 * MEGABYTE
"""What may be left of an image. Libraries leak what they held when they fail, and as each image may
take so much more than the process holds, that would add up."""
_MAX_RESIDENT_BYTES = 72 * MEGABYTE
"""With the libraries of one kind of image it is up to 65 MB, with those of all kinds 85."""


def main() -> None:
    """Read requests from standard input and write answers to standard output."""
    lower_priority()
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while line := requests.readline():
        request = json.loads(line)
        data = requests.read(request["size"])
        limits = DecodingLimits(**request["limits"])
        load_library(data)
        held_bytes = held_memory()
        _answer(answers, data, limits, held_bytes)
        del data
        is_last = held_bytes is not None and (
            (held_memory() or 0) > held_bytes + _MAX_KEPT_BYTES
            or (resident_memory() or 0) > _MAX_RESIDENT_BYTES
        )
        _send(answers, {"is_last": is_last})


def request_line(data: bytes, limits: DecodingLimits) -> bytes:
    """The first line of a request; the image follows."""
    return json.dumps({"size": len(data), "limits": asdict(limits)}).encode() + b"\n"


def _answer(answers: BinaryIO, data: bytes, limits: DecodingLimits, held_bytes: int | None) -> None:
    try:
        image = _decode(data, limits, held_bytes)
    except DomainError as error:
        _send(answers, {"error": describe_error(error)})
        return
    except MemoryError:
        _send(answers, {"error": describe_error(too_much_memory(limits, _MORE))})
        return
    finally:
        limit_time(0)
    _send(answers, {"image": describe_image(image)})
    answers.write(image.pixels.data)  # type: ignore[attr-defined]
    answers.flush()


def _decode(data: bytes, limits: DecodingLimits, held_bytes: int | None) -> Image:
    # The kernel ends this process when its CPU time is used up.
    limit_time(limits.cpu_s)
    kind = recognise(data)
    limit_memory(held_bytes, limits.memory_bytes)
    header = read_header(data, kind, thorough=True)
    assert header is not None
    header.check_size(limits)
    header.check_cost(limits)
    return read_image(data, header, limits)


def _send(answers: BinaryIO, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer).encode() + b"\n")
    answers.flush()
