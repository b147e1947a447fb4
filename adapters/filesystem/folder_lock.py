"""A lock on a folder, for one process at a time."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Self

from application.errors import StoreUnavailable


class FolderLock:
    """Locks a folder for the length of a block, or until the process ends, however it ends.

    Args:
        folder: made where needed, readable by its owner alone.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: int | None = None

    def __enter__(self) -> Self:
        """Lock the folder.

        Raises:
            StoreUnavailable: another process has locked it, or it cannot be created.
        """
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(self._folder / ".lock", os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:
            raise StoreUnavailable(f"{self._folder} cannot be written to") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(file)
            raise StoreUnavailable(
                f"another process uses {self._folder}: each process needs a DATA_DIR of its own"
            ) from error
        self._file = file
        return self

    def __exit__(self, *_: object) -> None:
        """Unlock the folder."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
