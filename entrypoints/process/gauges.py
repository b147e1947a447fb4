"""Metrics of states, which are read whenever the metrics are."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Literal

from entrypoints.container import Container


def register_gauges(container: Container) -> None:
    """Register metrics of places, memory, threads, the spool, sessions and the disk.

    They are read in another thread than the event loop's, and never raise.
    """
    _register_work(container)
    _register_spool(container)
    _register_sessions(container)
    _register_disk(container)


def _register_work(container: Container) -> None:
    telemetry, settings = container.system().metrics(), container.settings()
    executor = container.vision().executor()
    gate, budget = container.detection().gate(), container.vision().pixel_budget()
    telemetry.gauge("emotion_images_in_work", "Images in work", lambda: gate.taken)
    telemetry.gauge(
        "emotion_images_in_work_max",
        "Images that may be in work (MAX_IMAGES_IN_WORK)",
        lambda: settings.detection.max_images_in_work,
    )
    telemetry.gauge(
        "emotion_pixel_memory_bytes",
        "Memory that the pixels of images in work have reserved",
        lambda: budget.held_bytes,
    )
    telemetry.gauge(
        "emotion_executor_waiting", "Jobs waiting for a thread", lambda: executor.waiting
    )
    telemetry.gauge(
        "emotion_executor_oldest_wait_seconds",
        "How long the oldest of them has waited",
        lambda: executor.oldest_wait_s,
    )
    telemetry.gauge(
        "emotion_executor_threads", "Jobs that may run at once", lambda: executor.threads
    )
    telemetry.counter(
        "emotion_executor_busy_seconds_total",
        "Time that all threads together have worked",
        lambda: executor.worked_s,
    )


def _register_spool(container: Container) -> None:
    telemetry, settings = container.system().metrics(), container.settings()
    spool = container.stores().spool()
    telemetry.gauge(
        "emotion_spool_waiting",
        "Detections that wait for their stores",
        lambda: spool.backlog().entries,
    )
    telemetry.gauge(
        "emotion_spool_oldest_seconds",
        "How long the oldest of them has waited",
        lambda: spool.backlog().oldest_s,
    )
    telemetry.gauge("emotion_spool_bytes", "Their size", lambda: spool.backlog().size_bytes)
    telemetry.gauge(
        "emotion_spool_max_bytes",
        "The size at which no more is accepted (SPOOL_MAX_MB)",
        lambda: settings.stores.spool_max_bytes,
    )


def _register_sessions(container: Container) -> None:
    telemetry, settings = container.system().metrics(), container.settings()
    sessions = container.realtime().stream_sessions()
    telemetry.gauge(
        "emotion_stream_sessions", "Realtime sessions that are open", lambda: len(sessions)
    )
    telemetry.gauge(
        "emotion_stream_sessions_max",
        "Realtime sessions that may be open (MAX_REALTIME_SESSIONS)",
        lambda: settings.realtime.max_realtime_sessions,
    )


def _register_disk(container: Container) -> None:
    telemetry, settings = container.system().metrics(), container.settings()
    data_dir = settings.stores.data_dir
    telemetry.gauge(
        "emotion_data_free_bytes",
        "Room on the disk of DATA_DIR",
        lambda: _bytes_of_disk(data_dir, "free"),
    )
    telemetry.gauge(
        "emotion_data_size_bytes",
        "Size of the disk of DATA_DIR",
        lambda: _bytes_of_disk(data_dir, "total"),
    )


def _bytes_of_disk(folder: Path, which: Literal["total", "free"]) -> float:
    try:
        return float(getattr(shutil.disk_usage(folder), which))
    except OSError:
        # When the disk is gone, the other metrics are needed most.
        return math.nan
