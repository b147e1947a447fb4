"""A lock on a folder, for one process at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adapters.filesystem.disk import make_private
from application.errors import StoreUnavailable


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Lock a folder for the length of a block, or until the process ends, however it ends.

    Args:
        folder: made where needed, readable by its owner alone.

    Raises:
        StoreUnavailable: another process has locked it, or it cannot be created.
    """
    try:
        make_private(folder)
        file = os.open(folder / ".lock", os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise StoreUnavailable(f"{folder} cannot be written to") from error
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StoreUnavailable(
                f"another process uses {folder}: each process needs a DATA_DIR of its own"
            ) from error
        yield
    finally:
        os.close(file)
