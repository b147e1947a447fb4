"""A name for a data folder; its path may differ between containers."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from adapters.filesystem.disk import make_private, open_private
from application.errors import StoreUnavailable


def instance_id_of(path: Path) -> str:
    """The name of a data folder, made when it is first used.

    Args:
        path: of the file that holds the name.

    Raises:
        StoreUnavailable: the file can be neither read nor written.
    """
    try:
        try:
            name = path.read_text("ascii").strip()
        except (FileNotFoundError, UnicodeDecodeError):
            name = ""
        if not name:
            name = uuid4().hex
            make_private(path.parent)
            with open_private(path) as file:
                file.write(name.encode())
        return name
    except OSError as error:
        raise StoreUnavailable(f"{path} cannot be read or written") from error
