"""Files that only the service's user can read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

_OWNER_ONLY = 0o600


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
