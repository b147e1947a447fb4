"""Decoding images within a budget of memory and time."""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import cv2
import numpy as np

from adapters.inference.executor import WorkExecutor
from adapters.opencv.decoding_process import DecodingProcess
from adapters.opencv.encoded import MEGABYTE, DecodingLimits, Header
from adapters.opencv.reading import read_header, read_image, recognise
from application.errors import InferenceUnavailable
from application.work.memory_budget import MemoryBudget, MemoryShare
from application.work.priority import Priority
from domain.formats import JPEG
from domain.image import Image

# Images cheaper than this are decoded on the executor.
_LIGHT_BYTES = 50 * MEGABYTE
_LIGHT_S = 0.15
# What the process of costly images may take without a share of the budget.
_PROCESS_BYTES = 64 * MEGABYTE


class PreparedImage:
    """An image whose pixels have a share of the memory budget.

    Args:
        share: of the budget; released when the pixels are garbage-collected.
        read: decodes the pixels.
    """

    def __init__(self, share: MemoryShare, read: Callable[[], Image]) -> None:
        self._share = share
        self._read = read

    def decode(self) -> Image:
        """Decode the image on the calling thread."""
        with _memory_needed():
            image = self._read()
        assert isinstance(image.pixels, np.ndarray)
        self._share.shrink(image.pixels.nbytes)
        weakref.finalize(image.pixels, self._share.release)
        return image

    def release(self) -> None:
        """Release the memory if the image will not be decoded."""
        self._share.release()


class OpenCvImageDecoder:
    """Fulfils the port ``ImageDecoder``.

    The cost of an image is read from its header. Light images, which nearly all are, are decoded on
    the executor; costly and rare ones in a process of their own, one at a time. The pixels of all
    images share one memory budget, from before decoding until they are garbage-collected.

    Images are made smaller by 2, 4 or 8 as long as the longer side keeps ``working_side_px``; for a
    JPEG the skipped pixels are never computed. Transparent pixels are blended with white.
    """

    def __init__(
        self,
        *,
        executor: WorkExecutor,
        process: DecodingProcess,
        budget: MemoryBudget,
        limits: DecodingLimits,
    ) -> None:
        # OpenCV's messages about damaged images go to the sender instead of the log.
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        self._executor = executor
        self._process = process
        self._budget = budget
        self._limits = limits

    async def decode(
        self, data: bytes, *, priority: Priority = Priority.INTERACTIVE, sender: str = ""
    ) -> Image:
        """Decode one image; see the port.

        ``InvalidImage.details["reason"]`` is one of ``empty``, ``unsupported``, ``coding``,
        ``truncated`` and ``damaged``; ``ImageTooCostly.details["cost"]`` is ``memory`` or ``time``.
        """
        prepared = await self.prepare(data, priority=priority, sender=sender)
        try:
            return await self._executor.run(prepared.decode, priority=priority, sender=sender)
        except BaseException:
            prepared.release()
            raise

    async def prepare(
        self,
        data: bytes,
        *,
        priority: Priority = Priority.INTERACTIVE,
        sender: str = "",
        min_side_px: int | None = None,
    ) -> PreparedImage:
        """Do everything except decoding a light image, which the caller does on a thread of its
        choice.

        A costly image is decoded when this returns. Raises what ``decode`` raises for headers, and
        for costly images.

        Args:
            data: the encoded image.
            priority: who gets memory first.
            sender: memory is shared fairly among senders.
            min_side_px: used in place of ``working_side_px`` if it is less.
        """
        limits = self._limits
        if min_side_px is not None and min_side_px < limits.working_side_px:
            limits = replace(limits, working_side_px=min_side_px)
        kind = recognise(data)
        with _memory_needed():
            header = read_header(data, kind, thorough=False)
        if header is not None:
            header.check_size(limits)
            if kind is not JPEG:  # its scans are counted exactly in the process
                header.check_cost(limits)
        if header is not None and _is_light(header, limits):
            needs = header.memory_bytes(limits)
            share = await self._budget.take(needs, priority, sender=sender)
            return PreparedImage(share, partial(read_image, data, header, limits))
        image, share = await self._decode_in_process(
            data, limits, self._needs(header, limits), priority, sender
        )
        return PreparedImage(share, lambda: image)

    def _needs(self, header: Header | None, limits: DecodingLimits) -> int:
        """What a costly image takes of the budget.

        This process only receives the pixels, but what the other one needs beyond its allowance is
        not there for the pixels of others meanwhile.
        """
        if header is None:
            result, memory = limits.max_result_bytes, limits.memory_bytes
        else:
            result, memory = header.result_bytes(limits), header.memory_bytes(limits)
        beyond = min(memory - _PROCESS_BYTES, self._budget.most_beside_small)
        return max(result, beyond)

    async def _decode_in_process(
        self, data: bytes, limits: DecodingLimits, needs: int, priority: Priority, sender: str
    ) -> tuple[Image, MemoryShare]:
        # Memory is taken once the process is free: otherwise waiting images of one sender would
        # hold all of it.
        semaphore = self._process.semaphore
        rank = await semaphore.acquire(sender, priority)
        loop = asyncio.get_running_loop()

        def release(_: object = None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(semaphore.release, rank)

        try:
            # Its turn has come: no later one, not even a user's, may keep the process waiting.
            share = await self._budget.take(needs, Priority.INTERACTIVE, sender=sender)
        except BaseException:
            release()
            raise
        try:
            job = self._process.submit(data, limits)
        except BaseException:
            share.release()
            release()
            raise
        job.add_done_callback(release)
        try:
            image = await asyncio.wrap_future(job)
        except BaseException:
            # If the caller was cancelled, decoding that has started still finishes.
            job.add_done_callback(lambda _: share.release())
            raise
        assert isinstance(image.pixels, np.ndarray)
        share.shrink(image.pixels.nbytes)
        return image, share


@contextlib.contextmanager
def _memory_needed() -> Iterator[None]:
    """Say that the service is short of memory, which no image is to blame for."""
    try:
        yield
    except MemoryError as error:
        raise InferenceUnavailable("there is not enough memory for this image now") from error


def _is_light(header: Header, limits: DecodingLimits) -> bool:
    cheap = header.memory_bytes(limits) <= _LIGHT_BYTES and header.cpu_s <= _LIGHT_S
    return cheap and not header.needs_process
