"""Images, videos and the spool as files: the embedded default."""

from adapters.filesystem.detection_spool import FileSystemDetectionSpool
from adapters.filesystem.folder_lock import folder_lock
from adapters.filesystem.image_store import FileSystemImageStore
from adapters.filesystem.instance_id import instance_id_of
from adapters.filesystem.video_store import FileSystemVideoStore, ReceivingFolder

__all__ = [
    "FileSystemDetectionSpool",
    "FileSystemImageStore",
    "FileSystemVideoStore",
    "ReceivingFolder",
    "folder_lock",
    "instance_id_of",
]
