"""The spool as a folder of files."""

from __future__ import annotations

import itertools
import logging
import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from adapters.filesystem.disk import make_private, on_disk, open_private
from adapters.filesystem.spool_file import encode, owner_of, read
from adapters.records import UnreadableRecord
from application.errors import StoreUnavailable
from application.ports.detection_spool import SpoolBacklog, SpooledDetection

log = logging.getLogger(__name__)


_FOLDER = "the spool's folder"
_SUFFIX = ".detection"
_UNFINISHED = ".part"
_ROOM_BYTES = 8 * 2**20  # of an image and its record


@dataclass(frozen=True, slots=True)
class _Waiting:
    user_id: str | None
    size: int
    since_s: float  # from the file's time, so that it survives a restart


class FileSystemDetectionSpool:
    """Keeps one file per entry, and an index of them in memory.

    A file appears whole or not at all, and survives a crash of the process. The folder belongs to
    one process. It is listed once, at the first call.

    Args:
        folder: made at the first call, readable by its owner alone.
        max_bytes: limit on all files together.
        is_own: False if another process may use the folder; then nothing may be added, and that
            process's unfinished files are left alone.
    """

    def __init__(self, *, folder: Path, max_bytes: int, is_own: bool = True) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._is_own = is_own
        self._lock = threading.Lock()
        self._counter = itertools.count()
        self._taken_bytes = 0
        self._index: dict[UUID, _Waiting] | None = None

    async def put(self, entry: SpooledDetection) -> None:
        """Add an entry."""
        await on_disk(_FOLDER, self._put, entry)

    async def get(self, detection_id: UUID) -> SpooledDetection | None:
        """The entry, or None. One that cannot be read any more is removed."""
        return await on_disk(_FOLDER, self._get, detection_id)

    async def owner(self, detection_id: UUID) -> str | None:
        """The owner of the waiting detection with this id, or None."""
        entry = (await self._listed()).get(detection_id)
        return entry.user_id if entry else None

    async def waiting(self, user_id: str | None = None) -> Sequence[UUID]:
        """The ids of all entries, oldest first."""
        index = await self._listed()
        if user_id is None:
            return list(index)
        return [key for key, entry in index.copy().items() if entry.user_id == user_id]

    async def remove(self, detection_id: UUID) -> bool:
        """Delete an entry."""
        return await on_disk(_FOLDER, self._remove, detection_id)

    def backlog(self) -> SpoolBacklog:
        """Number, size and age of the entries; zero until the folder was listed."""
        waiting = list((self._index or {}).values())
        now_s = time.time()
        return SpoolBacklog(
            len(waiting),
            sum(entry.size for entry in waiting),
            max((now_s - entry.since_s for entry in waiting), default=0.0),
        )

    async def check(self) -> None:
        """Write a small file, and check that the disk and the spool have room for an image."""
        await on_disk(_FOLDER, self._check)

    def _put(self, entry: SpooledDetection) -> None:
        key = entry.detection.detection_id
        data = encode(entry)
        # The bytes are counted before they are written, and writing happens outside the lock.
        with self._lock:
            self._load_once()
            if self._taken_bytes + len(data) > self._max_bytes:
                raise StoreUnavailable("the spool of detections that wait to be stored is full")
            self._taken_bytes += len(data)
        unfinished = self._folder / f"{key}-{next(self._counter)}{_UNFINISHED}"
        try:
            with open_private(unfinished) as file:
                file.write(data)
            with self._lock:
                unfinished.replace(self._path(key))
                index = self._load_once()
                replaced = index.get(key)
                index[key] = _Waiting(entry.detection.user_id, len(data), time.time())
                self._taken_bytes -= replaced.size if replaced else 0
        except BaseException:
            with self._lock:
                self._taken_bytes -= len(data)
            unfinished.unlink(missing_ok=True)
            raise

    def _get(self, detection_id: UUID) -> SpooledDetection | None:
        try:
            return read(self._path(detection_id))
        except FileNotFoundError:
            return None
        except UnreadableRecord as error:
            log.error("spooled detection %s is lost: %s", detection_id, error)
            self._remove(detection_id)
            return None

    def _remove(self, detection_id: UUID) -> bool:
        with self._lock:
            index = self._load_once()
            if detection_id not in index:
                return False
            self._path(detection_id).unlink(missing_ok=True)
            self._taken_bytes -= index.pop(detection_id).size
            return True

    def _check(self) -> None:
        with self._lock:
            self._load_once()
            is_full = self._taken_bytes + _ROOM_BYTES > self._max_bytes
        free = os.statvfs(self._folder)
        if is_full or free.f_bavail * free.f_frsize < _ROOM_BYTES:
            raise StoreUnavailable("the spool of detections that wait to be stored is full")
        probe = self._folder / f".check-{next(self._counter)}{_UNFINISHED}"
        try:
            with open_private(probe) as file:
                file.write(b"writable")
        finally:
            probe.unlink(missing_ok=True)

    async def _listed(self) -> dict[UUID, _Waiting]:
        """The index, to be read in single steps, each of which is atomic.

        The lock is held while files are renamed and deleted, so the event loop never waits for it.
        """
        if self._index is None:
            return await on_disk(_FOLDER, self._list)
        return self._index

    def _list(self) -> dict[UUID, _Waiting]:
        with self._lock:
            return self._load_once()

    def _load_once(self) -> dict[UUID, _Waiting]:
        """The index, in the order of arrival; the lock is held."""
        if self._index is None:
            self._index = self._load()
            self._taken_bytes = sum(entry.size for entry in self._index.values())
        return self._index

    def _load(self) -> dict[UUID, _Waiting]:
        make_private(self._folder)
        if self._is_own:
            for left_by_a_crash in self._folder.glob(f"*{_UNFINISHED}"):
                left_by_a_crash.unlink()
        arrived = []
        for path in self._folder.glob(f"*{_SUFFIX}"):
            key = _key(path)
            if key is None:
                log.warning("the file %s in the spool does not belong to this service", path.name)
                continue
            with suppress(FileNotFoundError):  # The process that owns the folder has stored it.
                file = path.stat()
                waiting = _Waiting(_owner_of(path), file.st_size, file.st_mtime)
                arrived.append((file.st_mtime_ns, key, waiting))
        return {key: waiting for _, key, waiting in sorted(arrived)}

    def _path(self, detection_id: UUID) -> Path:
        return self._folder / f"{detection_id}{_SUFFIX}"


def _owner_of(path: Path) -> str | None:
    try:
        return owner_of(path)
    except UnreadableRecord:
        return None  # It stays listed, so that its loss is logged when it is read.


def _key(path: Path) -> UUID | None:
    try:
        return UUID(path.stem)
    except ValueError:
        return None
