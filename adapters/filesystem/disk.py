"""Files that only the service's user can read, and work on them off the event loop."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, ParamSpec, TypeVar

from application.errors import StoreUnavailable

_OWNER_ONLY = 0o600
_FULL = {errno.ENOSPC, errno.EDQUOT}
_Params = ParamSpec("_Params")
_Result = TypeVar("_Result")


async def on_disk(
    folder: str,
    work: Callable[_Params, _Result],
    *args: _Params.args,
    **kwargs: _Params.kwargs,
) -> _Result:
    """Do some work on files on another thread.

    Args:
        folder: what the work is about, for the error.
        work: what to do.
        args: of the work.
        kwargs: likewise.

    Raises:
        StoreUnavailable: the work raised ``OSError``.
    """
    try:
        return await asyncio.to_thread(work, *args, **kwargs)
    except OSError as error:
        cause = ": its disk is full" if error.errno in _FULL else ""
        raise StoreUnavailable(f"{folder} cannot be used{cause}") from error


def folder_of(owner_id: str, folder: Path) -> Path:
    """The folder of one owner, by a hash: no name can lead out of the folder above."""
    owner = hashlib.sha256(owner_id.encode("utf-8", "surrogatepass")).hexdigest()
    return folder / owner


def make_private(*folders: Path) -> None:
    """Make folders, each one inside the one before; others cannot look into them."""
    for folder in folders:
        # One by one, because ``parents=True`` gives the folders above the default mode.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def open_private(path: Path) -> BinaryIO:
    """Open a file for writing, truncated; its mode is 0600 whatever the umask is.

    Raises:
        OSError: it cannot be written.
    """
    # Created with the mode, so that others can never open it; set again, because the umask can
    # reduce it and an existing file keeps its own.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _OWNER_ONLY)
    try:
        os.fchmod(descriptor, _OWNER_ONLY)
        return os.fdopen(descriptor, "wb")
    except BaseException:
        os.close(descriptor)
        raise
