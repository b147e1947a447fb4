"""The files that a command is given: which of them are images, and which are videos."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from domain.formats import IMAGE_FORMATS, VIDEO_FORMATS
from entrypoints.container.file_kinds import HEAD_BYTES, Kind, kind_of

_IMAGE_SUFFIXES = {suffix for each in IMAGE_FORMATS for suffix in each.suffixes}
_VIDEO_SUFFIXES = {suffix for each in VIDEO_FORMATS for suffix in each.suffixes}
_OTHER_VIDEO_SUFFIXES = {
    *(".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".vob"),
    *(".flv", ".wmv", ".asf", ".ogv"),
}
"""Of videos that cannot be read: these files are named as such, and not as images."""


def images_and_videos(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """The images and the videos among files and in folders, each once.

    Which of the two a file is, its content decides; its name only where the content says nothing.
    A file that is neither counts as an image. Of a folder, the files count whose names say that
    they are images or videos, and those without an ending that are; subfolders and hidden files do
    not.
    """
    files: dict[Path, Kind] = {}
    for path in paths:
        if path.is_dir():
            files.update(_of_folder(path))
        else:
            by_name = _kind_by_name(path, _VIDEO_SUFFIXES | _OTHER_VIDEO_SUFFIXES)
            files[path] = _kind_by_content(path) or by_name or "image"
    return (
        [path for path, kind in files.items() if kind == "image"],
        [path for path, kind in files.items() if kind == "video"],
    )


def _of_folder(folder: Path) -> Iterator[tuple[Path, Kind]]:
    for path in sorted(folder.iterdir()):
        by_name = _kind_by_name(path)
        # Cameras write raw files, which begin like TIFF, beside the images that are meant.
        if path.name.startswith(".") or (path.suffix and by_name is None) or path.is_dir():
            continue
        if (kind := _kind_by_content(path) or by_name) is not None:
            yield path, kind


def _kind_by_content(path: Path) -> Kind | None:
    if not path.is_file():  # what is read from a pipe is gone
        return None
    try:
        with path.open("rb") as file:
            return kind_of(file.read(HEAD_BYTES))
    except OSError:  # reported when it is read
        return None


def _kind_by_name(path: Path, of_videos: Collection[str] = _VIDEO_SUFFIXES) -> Kind | None:
    suffix = path.suffix.lower()
    if suffix in of_videos:
        return "video"
    return "image" if suffix in _IMAGE_SUFFIXES else None
