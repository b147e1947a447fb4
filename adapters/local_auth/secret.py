"""The signing secret, created at the first start."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def load_or_create_secret(path: Path) -> str:
    """Read the secret from a file, or create one that only the file's owner can read.

    Several processes that start at once get the same secret.

    Raises:
        ValueError: the file is not text.
        OSError: it can be neither read nor created.
    """
    if not path.exists():
        _create(path)
    return path.read_text(encoding="utf-8").strip()


def _create(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(secrets.token_hex(32) + "\n")
        # A hard link puts the whole file in place and never replaces an existing one.
        os.link(unfinished, path)
    except FileExistsError:
        pass  # Another process was first; its secret is used.
    finally:
        unfinished.unlink()
