"""A folder that one process at a time may work in."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Self

from application.errors import StoreUnavailable


class FolderLock:
    """Held for the length of a block, or until the process ends, however it ends.

    Args:
        folder: made where needed, readable by its owner alone.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: int | None = None

    def __enter__(self) -> Self:
        """Take the folder.

        Raises:
            StoreUnavailable: another process has it, or it cannot be made.
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
                f"another process works in {self._folder}: each needs a DATA_DIR of its own"
            ) from error
        self._file = file
        return self

    def __exit__(self, *_: object) -> None:
        """Give the folder up."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
