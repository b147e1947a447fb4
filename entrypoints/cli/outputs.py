"""What commands make of files, and where they write it: copies and tables."""

from __future__ import annotations

import errno
import os
import shutil
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Generic, TypeVar

from application.ports.image_annotator import ANNOTATED_FORMATS
from application.ports.video_annotator import ANNOTATED_VIDEO_SUFFIXES
from entrypoints.cli.console import shown

IMAGE_COPIES = tuple(suffix for each in ANNOTATED_FORMATS for suffix in each.suffixes)
VIDEO_COPIES = ANNOTATED_VIDEO_SUFFIXES

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """The outcome of one file.

    Attributes:
        file: as it was given.
        found: what it shows; None if it could not be analysed.
        copy: where it was drawn.
        error: why it could not be analysed or drawn.
    """

    file: Path
    found: T | None = None
    copy: Path | None = None
    error: str | None = None


def outputs_of(
    option: str,
    given: Path | None,
    files: Sequence[Path],
    *,
    ending: str,
    suffixes: Collection[str] = (),
    among: Collection[Path],
) -> dict[Path, Path]:
    """The path of what is made of each file, all different.

    Args:
        option: its name, for messages.
        given: its value, the name for one file or a folder for several; None for no outputs.
        files: the inputs.
        ending: of the names in a folder.
        suffixes: that a name given for one file may have; empty for any.
        among: all inputs that the option is meant for.

    Raises:
        OSError: the value cannot be used for these files.
    """
    if given is None or not files:
        return {}
    if len(among) > 1 and given.suffix.lower() in _OF_ONE_FILE and not given.is_dir():
        # No folder is meant to be called ``drawn.png``.
        raise OSError(f"{option} {shown(given)}: give a folder, as there are {len(among)} files")
    if given.is_dir() or len(among) > 1 or (suffixes and not given.suffix):
        outputs = dict(zip(files, _names_within(given, files, ending), strict=True))
        try:
            given.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OSError(f"{option} {shown(given)}: {error.strerror}") from error
    elif not suffixes or given.suffix.lower() in suffixes:
        outputs = {files[0]: given}
    else:
        raise OSError(
            f"{option} {shown(given)}: give a name that ends in {', '.join(suffixes)}, or a folder"
        )
    return outputs


def refuse_to_overwrite(inputs: Sequence[Path], outputs: Iterable[Path]) -> None:
    """Check that no output is one of the inputs or another output, under whatever name.

    Raises:
        OSError: one is.
    """
    known = {os.stat(file).st_ino: file for file in inputs if file.exists()}
    written: set[str] = set()
    for output in outputs:
        path = os.path.realpath(output)
        if path in written and (output.is_file() or not output.exists()):  # not a pipe or the like
            raise OSError(f"{shown(output)} cannot be both a copy and a table")
        written.add(path)
        file = known.get(os.stat(output).st_ino) if output.exists() else None
        if file is not None and output.samefile(file):
            raise OSError(f"{shown(output)} would overwrite {shown(file)} itself")


_IN_PLACE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG)
_OF_ONE_FILE = {*IMAGE_COPIES, *VIDEO_COPIES, ".csv"}


def draft_of(output: Path, suffix: str = "") -> Path:
    """Make the empty file that an output is written to, so that an earlier one stays until then.

    It is new, beside the output or, if that is a symbolic link, beside the file that it leads to.
    What is no ordinary file, such as a pipe, and what no new file can stand beside, as in a folder
    that must not be written to, are written in place: then this is the output itself.

    Args:
        output: where it goes once it is whole; see ``replace_by``.
        suffix: that the name ends in, behind ``.part``.

    Raises:
        OSError: no file can be made, as in a folder that is not there.
    """
    if output.exists() and not output.is_file():
        return output
    goal = Path(os.path.realpath(output))
    for number in chain([""], (f"-{number}" for number in count(2))):
        draft = goal.with_name(f"{goal.name}{number}.part{suffix}")
        try:
            draft.touch(exist_ok=False)
        except FileExistsError:
            continue
        except OSError as error:
            if error.errno in _IN_PLACE:
                return output
            raise
        return draft
    raise AssertionError("there is always another number")


def replace_by(draft: Path, output: Path) -> None:
    """Give an output that is whole its name, and the access rights of the file that it replaces.

    Raises:
        OSError: it cannot be written there.
    """
    if draft == output:
        return
    goal = Path(os.path.realpath(output))
    if goal.exists():
        with suppress(PermissionError):  # some file systems have none
            draft.chmod(goal.stat().st_mode)
    try:
        draft.replace(goal)
    except OSError:
        # Where a single file is mounted, it can be written to, but no other can take its place.
        if not goal.is_file():
            raise
        shutil.copyfile(draft, goal)
        draft.unlink()


def names_among(files: Sequence[Path]) -> dict[Path, str]:
    """The name of each file, with as many of its folders as tell it from the others."""
    parts = {file: Path(os.path.abspath(file)).parts for file in files}
    names = {file: file.name for file in files}
    deepest = max(map(len, parts.values()), default=0)
    for depth in range(2, deepest):
        several = {name for name, times in Counter(names.values()).items() if times > 1}
        if not several:
            break
        names |= {file: "/".join(parts[file][-depth:]) for file in files if names[file] in several}
    return names


def _names_within(folder: Path, files: Sequence[Path], ending: str) -> Iterator[Path]:
    names = {file: name.replace("/", "-") for file, name in names_among(files).items()}
    stems = Counter(Path(name).stem for name in names.values())
    taken: set[str] = set()
    for file in files:
        stem = Path(names[file]).stem
        base = stem if stems[stem] == 1 else names[file]
        numbered = (f"{base}-{number}{ending}" for number in count(2))
        name = next(name for name in chain([f"{base}{ending}"], numbered) if name not in taken)
        taken.add(name)
        yield folder / name
