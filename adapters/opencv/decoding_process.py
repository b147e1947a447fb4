"""A separate process for costly and rare images; unlike a thread, it can be stopped.

The kernel limits its memory and time, so that no file can cost more than one image may. See
``docs/adr/0014-decoding-within-a-budget.md``.
"""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from adapters.child_process import end, error_from, receive_image, start
from adapters.opencv.encoded import (
    MEGABYTE,
    DecodingLimits,
    too_much_memory,
    too_much_time,
)
from adapters.opencv.worker_process import request_line
from application.errors import InferenceUnavailable
from application.work.fair_semaphore import FairSemaphore
from domain.errors import (
    DomainError,
    ImageDimensionsTooLarge,
    ImageTooCostly,
    InvalidImage,
)
from domain.image import Image

log = logging.getLogger(__name__)

# Large blocks are returned to the system when freed: otherwise the memory of the largest image so
# far would be kept.
_ENVIRONMENT = {"MALLOC_MMAP_THRESHOLD_": "262144", "MALLOC_TRIM_THRESHOLD_": "262144"}
_ERRORS = (InvalidImage, ImageDimensionsTooLarge, ImageTooCostly)


class DecodingProcess:
    """The process that decodes costly and rare images, and the thread that waits for it.

    It is started when it is first needed, and again after it was stopped.

    Attributes:
        semaphore: to be acquired before an image is submitted, which then starts at once.
    """

    def __init__(self) -> None:
        self.semaphore = FairSemaphore()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="decoding")
        self._process: subprocess.Popen[bytes] | None = None
        self._turn = threading.Lock()
        self._closed = False

    def submit(self, data: bytes, limits: DecodingLimits) -> Future[Image]:
        """Have an image decoded; the future raises what ``decode`` does."""
        return self._thread.submit(self.decode, data, limits)

    def decode(self, data: bytes, limits: DecodingLimits) -> Image:
        """Decode one image; blocks. One at a time, others wait.

        Raises:
            InvalidImage, ImageDimensionsTooLarge, ImageTooCostly: see the port ``ImageDecoder``.
            InferenceUnavailable: the process cannot be started, or the service is shutting down.
        """
        with self._turn:
            process = self._start_once()
            try:
                answer, is_last = _exchange(process, data, limits)
            except Exception as error:
                # The rest of this answer would be read as the next one.
                self._process = None
                why = self._failure(end(process), limits)
                if isinstance(error, (MemoryError, RuntimeError)):
                    # This process is out of memory, which says nothing about the image.
                    why = InferenceUnavailable("there is not enough memory for this image now")
                raise why from error
            if is_last:
                self._process = None
                end(process)
            if isinstance(answer, DomainError):
                raise answer
            return answer

    def close(self) -> None:
        """Kill the process; an image that is being decoded fails."""
        self._closed = True
        process = self._process
        if process is not None:
            end(process)
        self._thread.shutdown(cancel_futures=True)

    def _start_once(self) -> subprocess.Popen[bytes]:
        if self._closed:
            raise InferenceUnavailable("the service is shutting down")
        if self._process is None or self._process.poll() is not None:
            try:
                self._process = start("adapters.opencv.worker_process", _ENVIRONMENT)
            except OSError as error:
                raise InferenceUnavailable("images of this kind cannot be read now") from error
        return self._process

    def _failure(self, status: int, limits: DecodingLimits) -> Exception:
        if self._closed:
            return InferenceUnavailable("the service is shutting down")
        log.warning("the decoding process ended while it decoded an image (status %d)", status)
        if status in (-signal.SIGPROF, -signal.SIGALRM, -signal.SIGKILL):
            return too_much_time(limits, "this image takes longer")
        if status in (-signal.SIGABRT, 1):  # C++ and Python end like this when out of memory
            return too_much_memory(limits, f"this image needs more than {_mb(limits)} MB")
        return InvalidImage("the image is damaged", reason="damaged")


def _mb(limits: DecodingLimits) -> str:
    return f"{limits.memory_bytes / MEGABYTE:g}"


def _exchange(
    process: subprocess.Popen[bytes], data: bytes, limits: DecodingLimits
) -> tuple[Image | DomainError, bool]:
    """The image, or why it cannot be read; and whether the process ends now."""
    requests, answers = process.stdin, process.stdout
    assert requests is not None
    assert answers is not None
    requests.write(request_line(data, limits))
    requests.write(data)
    requests.flush()
    answer: dict[str, Any] = json.loads(answers.readline())
    if "error" in answer:
        received: Image | DomainError = error_from(answer["error"], _ERRORS)
    else:
        received = receive_image(answers, answer["image"])
    return received, json.loads(answers.readline())["is_last"]
