"""Metrics of states, which are read whenever the metrics are."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from entrypoints.container import Container


def register_gauges(container: Container) -> None:
    """Register metrics of places, memory, threads, the spool, sessions and the disk.

    They are read in another thread than the event loop's, and never raise.
    """
    telemetry, settings = container.system().metrics(), container.settings()
    gate, budget = container.detection().gate(), container.vision().pixel_budget()
    executor, spool = container.vision().executor(), container.stores().spool()
    sessions = container.realtime().stream_sessions()
    data_dir = settings.stores.data_dir
    gauges: dict[str, tuple[str, Callable[[], float]]] = {
        "emotion_images_in_work": ("Images in work", lambda: gate.taken),
        "emotion_images_in_work_max": (
            "Images that may be in work (MAX_IMAGES_IN_WORK)",
            lambda: settings.detection.max_images_in_work,
        ),
        "emotion_pixel_memory_bytes": (
            "Memory that the pixels of images in work have reserved",
            lambda: budget.held_bytes,
        ),
        "emotion_executor_waiting": ("Jobs waiting for a thread", lambda: executor.waiting),
        "emotion_executor_oldest_wait_seconds": (
            "How long the oldest of them has waited",
            lambda: executor.oldest_wait_s,
        ),
        "emotion_executor_threads": ("Jobs that may run at once", lambda: executor.threads),
        "emotion_spool_waiting": (
            "Detections that wait for their stores",
            lambda: spool.backlog().entries,
        ),
        "emotion_spool_oldest_seconds": (
            "How long the oldest of them has waited",
            lambda: spool.backlog().oldest_s,
        ),
        "emotion_spool_bytes": ("Their size", lambda: spool.backlog().size_bytes),
        "emotion_spool_max_bytes": (
            "The size at which no more is accepted (SPOOL_MAX_MB)",
            lambda: settings.stores.spool_max_bytes,
        ),
        "emotion_stream_sessions": ("Realtime sessions that are open", lambda: len(sessions)),
        "emotion_stream_sessions_max": (
            "Realtime sessions that may be open (MAX_REALTIME_SESSIONS)",
            lambda: settings.realtime.max_realtime_sessions,
        ),
        "emotion_data_free_bytes": (
            "Room on the disk of DATA_DIR",
            lambda: _bytes_of_disk(data_dir, "free"),
        ),
        "emotion_data_size_bytes": (
            "Size of the disk of DATA_DIR",
            lambda: _bytes_of_disk(data_dir, "total"),
        ),
    }
    for name, (description, read) in gauges.items():
        telemetry.gauge(name, description, read)
    telemetry.counter(
        "emotion_executor_busy_seconds_total",
        "Time that all threads together have worked",
        lambda: executor.worked_s,
    )


def _bytes_of_disk(folder: Path, which: Literal["total", "free"]) -> float:
    try:
        return float(getattr(shutil.disk_usage(folder), which))
    except OSError:
        # When the disk is gone, the other metrics are needed most.
        return math.nan
