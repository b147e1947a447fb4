"""The bounded thread pool for all CPU work."""

from __future__ import annotations

import asyncio
import heapq
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Any, TypeVar, TypeVarTuple

import cv2

from application.errors import InferenceUnavailable
from application.work.priority import Priority
from application.work.ranking import Rank, Ranking

_HOLD_BACK_S = 1.0
"""How long background jobs hold back after the last other job."""
_BACKGROUND_EVERY_S = 0.1
"""The time between the starts of two background jobs while another job is in work."""
_OLDEST_EVERY = 8
"""Every eighth job is the one that has waited longest."""

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")


@dataclass(order=True, slots=True)
class _Job:
    rank: Rank
    function: Callable[..., Any] = field(compare=False)
    arguments: tuple[Any, ...] = field(compare=False)
    future: Future[Any] = field(compare=False)
    # The caller's context, so that spans belong to the caller's trace.
    context: Context = field(compare=False, default_factory=copy_context)
    put_s: float = field(compare=False, default_factory=time.monotonic)


class WorkExecutor:
    """Runs functions on a fixed number of threads, in order of rank: see ``Rank``.

    Every eighth job is the one that has waited longest, background jobs aside, so that no client
    waits for ever while others keep all threads busy. A job that has started is not interrupted.

    While other jobs are in work, and for a second after, background jobs hold back: they leave one
    of several threads free, and only a few start in a second, because two busy processors slow each
    other down: ten while another job is in work, and then twenty.

    How much may wait is bounded by ``application.work.admission.AdmissionGate``, not here.

    Args:
        threads: how many.
        background_every_s: seconds between the starts of two background jobs while another job is
            in work; half of that in the second after.
    """

    def __init__(self, threads: int, *, background_every_s: float = _BACKGROUND_EVERY_S) -> None:
        if threads < 1:
            raise ValueError(f"at least one thread is needed, got {threads}")
        # OpenCV would use a thread pool of its own in every call, and the two pools would compete
        # for the same processors.
        cv2.setNumThreads(1)
        self._jobs: list[_Job] = []
        self._ranking = Ranking()
        self._taken = 0
        self._changed = threading.Condition()
        self._closed = False
        self._worked_s = 0.0
        self._started_s: dict[int, float] = {}
        self._background_threads = max(threads - 1, 1)
        self._in_background = 0
        self._in_foreground = 0
        self._background_every_s = background_every_s
        self._background_s = -math.inf
        self._hold_back_until_s = -math.inf
        self._threads = [
            threading.Thread(target=self._serve, name=f"work-{number}", daemon=True)
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        """Jobs that no thread has started yet."""
        with self._changed:
            return len(self._jobs)

    @property
    def oldest_wait_s(self) -> float:
        """Seconds that the oldest of them has waited; 0 if none waits."""
        with self._changed:
            now_s = time.monotonic()
            return max((now_s - job.put_s for job in self._jobs), default=0.0)

    @property
    def threads(self) -> int:
        """How many jobs may run at once."""
        return len(self._threads)

    @property
    def worked_s(self) -> float:
        """Seconds that all threads together have worked, those in work included."""
        with self._changed:
            now_s = time.monotonic()
            return self._worked_s + sum(now_s - begun for begun in self._started_s.values())

    async def run(
        self,
        function: Callable[[*Arguments], Result],
        *arguments: *Arguments,
        priority: Priority = Priority.INTERACTIVE,
        sender: str = "",
    ) -> Result:
        """Call the function on one of the threads and return or raise its result.

        When the caller is cancelled, a waiting job is dropped; a running job finishes and its
        result is discarded.

        Args:
            function: called with the arguments.
            arguments: of the function.
            priority: of the job.
            sender: whom it is done for; empty if senders are not distinguished.

        Raises:
            InferenceUnavailable: the executor is closed.
        """
        future: Future[Result] = Future()
        with self._changed:
            if self._closed:
                raise InferenceUnavailable("the service is shutting down")
            job = _Job(self._ranking.enter(sender, priority), function, arguments, future)
            heapq.heappush(self._jobs, job)
            self._changed.notify()
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            self._drop(job)
            raise

    def close(self) -> None:
        """Accept no more jobs, finish those that wait, and stop the threads; may be repeated."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _drop(self, job: _Job) -> None:
        # Dropped at once rather than when its turn comes: a job can hold megabytes of image.
        with self._changed:
            if job in self._jobs:
                self._jobs.remove(job)
                heapq.heapify(self._jobs)
                self._ranking.leave(job.rank)

    def _take(self) -> _Job | None:
        with self._changed:
            while True:
                wait_s = self._wait_s()
                if wait_s == 0:
                    break
                self._changed.wait(wait_s)
            if not self._jobs:
                return None
            now_s = time.monotonic()
            self._started_s[threading.get_ident()] = now_s
            job = self._next()
            if job.rank.priority is Priority.BACKGROUND:
                self._in_background += 1
                self._background_s = now_s
            else:
                self._in_foreground += 1
                self._hold_back_until_s = now_s + _HOLD_BACK_S
            return job

    def _next(self) -> _Job:
        self._taken += 1
        if self._taken % _OLDEST_EVERY == 0:
            waiting = [job for job in self._jobs if job.rank.priority is not Priority.BACKGROUND]
            if waiting:
                oldest = min(waiting, key=lambda job: job.rank.arrival)
                self._jobs.remove(oldest)
                heapq.heapify(self._jobs)
                return oldest
        return heapq.heappop(self._jobs)

    def _wait_s(self) -> float | None:
        """How long a free thread waits for its next job; 0 for not at all, None for no limit."""
        if not self._jobs:
            return 0 if self._closed else None
        is_background = self._jobs[0].rank.priority is Priority.BACKGROUND
        if self._closed or not is_background:
            return 0
        now_s = time.monotonic()
        hold_back_s = max(self._hold_back_until_s - now_s, 0)
        since_s = now_s - self._background_s
        wait_s = 0.0
        if self._in_foreground:
            wait_s = self._background_every_s - since_s
        elif hold_back_s:
            wait_s = min(self._background_every_s / 2 - since_s, hold_back_s)
        if self._in_background >= self._background_threads:
            wait_s = max(wait_s, hold_back_s)
        return max(wait_s, 0)

    def _finish(self, job: _Job) -> None:
        with self._changed:
            now_s = time.monotonic()
            self._worked_s += now_s - self._started_s.pop(threading.get_ident())
            self._ranking.leave(job.rank)
            if job.rank.priority is Priority.BACKGROUND:
                self._in_background -= 1
            else:
                self._in_foreground -= 1
                self._hold_back_until_s = now_s + _HOLD_BACK_S
            self._changed.notify()

    def _serve(self) -> None:
        while (job := self._take()) is not None:
            if job.future.set_running_or_notify_cancel():
                try:
                    result = job.context.run(job.function, *job.arguments)
                except BaseException as error:
                    job.future.set_exception(error)
                else:
                    job.future.set_result(result)
                    del result
            self._finish(job)
            # A thread must not keep the last image alive between jobs.
            del job
