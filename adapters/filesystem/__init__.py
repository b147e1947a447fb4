"""Images and the spool as files: the embedded default."""

from adapters.filesystem.detection_spool import FileSystemDetectionSpool
from adapters.filesystem.folder_lock import FolderLock
from adapters.filesystem.image_store import FileSystemImageStore

__all__ = ["FileSystemDetectionSpool", "FileSystemImageStore", "FolderLock"]
