"""Images as plain files, one folder per owner."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from uuid import UUID

from adapters.filesystem.disk import folder_of, make_private, on_disk, open_private
from application.ports.image_store import StoredImage
from domain.detection import Detection
from domain.formats import IMAGE_FORMATS

_FOLDER = "the folder for images"

# The file name's suffix gives the media type, so that any viewer opens the file.
_SUFFIXES = {each.media_type: each.suffixes[0] for each in IMAGE_FORMATS}


class FileSystemImageStore:
    """Keeps ``folder/<hash of the owner>/<detection id>.<kind>``.

    Paths do not contain the owner's name, so no name can lead out of the folder. A file appears
    whole or not at all, survives a power cut, and is readable by the service's user only.

    Args:
        folder: created with the first image, readable by its owner only.
        url_prefix: what the URL of an image begins with; the detection's id follows.
    """

    def __init__(self, *, folder: Path, url_prefix: str) -> None:
        self._folder = folder
        self._url_prefix = url_prefix
        self._writing = threading.Lock()

    async def put(self, owner_id: str, detection_id: UUID, image: StoredImage) -> str:
        """Keep the image and return its URL.

        Raises:
            ValueError: no decoder of this service reads this media type.
        """
        if image.media_type not in _SUFFIXES:
            raise ValueError(f"images of type {image.media_type!r} are not kept")
        await on_disk(_FOLDER, self._put, owner_id, detection_id, image)
        return f"{self._url_prefix}/{detection_id}"

    async def get(self, owner_id: str, detection_id: UUID) -> StoredImage | None:
        """The image, or None when this owner has none of that detection."""
        return await on_disk(_FOLDER, self._get, owner_id, detection_id)

    async def delete(self, owner_id: str, detection_id: UUID) -> None:
        """Delete the image."""
        await on_disk(_FOLDER, self._delete, owner_id, detection_id)

    def thumbnails(self, record: Detection) -> None:
        """None: it makes no thumbnails."""

    async def check(self) -> None:
        """Write and remove a small file."""
        await on_disk(_FOLDER, self._check)

    def _put(self, owner_id: str, detection_id: UUID, image: StoredImage) -> None:
        # One writer at a time, so that the name of the unfinished file need not be unique: a file
        # that a crash leaves behind is overwritten at the next attempt.
        with self._writing:
            path = self._path(owner_id, detection_id, _SUFFIXES[image.media_type])
            make_private(self._folder, path.parent)
            unfinished = self._path(owner_id, detection_id, ".part")
            with open_private(unfinished) as file:
                file.write(image.data)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
            for suffix in set(_SUFFIXES.values()) - {path.suffix}:
                path.with_suffix(suffix).unlink(missing_ok=True)

    def _get(self, owner_id: str, detection_id: UUID) -> StoredImage | None:
        for media_type, suffix in _SUFFIXES.items():
            try:
                data = self._path(owner_id, detection_id, suffix).read_bytes()
            except FileNotFoundError:
                continue
            return StoredImage(data, media_type)
        return None

    def _delete(self, owner_id: str, detection_id: UUID) -> None:
        with self._writing:
            for suffix in (*_SUFFIXES.values(), ".part"):
                self._path(owner_id, detection_id, suffix).unlink(missing_ok=True)

    def _check(self) -> None:
        with self._writing:
            make_private(self._folder)
            probe = self._folder / ".check"
            with open_private(probe) as file:
                file.write(b"writable")
            probe.unlink()

    def _path(self, owner_id: str, detection_id: UUID, suffix: str) -> Path:
        return folder_of(owner_id, self._folder) / f"{detection_id}{suffix}"
