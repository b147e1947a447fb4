"""Reading the labelled faces of a folder of images."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from adapters.inference.labels import BadLabels

_BOX = ("x", "y", "w", "h")
_POINTS = tuple(
    f"{point}_{axis}" for point in ("reye", "leye", "nose", "rmouth", "lmouth") for axis in "xy"
)
_YES, _NO = {"1", "true", "yes"}, {"", "0", "false", "no"}


@dataclass(frozen=True, slots=True)
class LabelledFace:
    """A face in an image, in pixels of the image.

    Attributes:
        x: left edge of the box.
        y: upper edge.
        width: above 0.
        height: above 0.
        points: the viewer's left eye, right eye, nose, left and right corner of the mouth as x and
            y; None if not labelled.
        ignored: whether it does not count, found or not.
    """

    x: float
    y: float
    width: float
    height: float
    points: tuple[tuple[float, float], ...] | None = None
    ignored: bool = False

    @property
    def longer_side(self) -> float:
        """The larger of width and height."""
        return max(self.width, self.height)


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """An image and all its faces."""

    path: Path
    faces: tuple[LabelledFace, ...]


def read_labelled_images(folder: Path, boxes: Path) -> tuple[LabelledImage, ...]:
    """Read a CSV file of boxes.

    Its first line names the columns: ``name`` (of a file in the folder), ``x``, ``y``, ``w`` and
    ``h``, in pixels with the EXIF orientation applied; and where there are any, ``ignore`` (1 for a
    face that does not count) and ten columns of landmarks, ``reye_x`` to ``lmouth_y``, right and
    left as the person's own. Each line is a face. A line with a name and no box means an image
    without faces. Images that no line names are left out.

    Raises:
        BadLabels: the file or a line cannot be used, or an image is missing.
    """
    if not folder.is_dir():
        raise BadLabels(f"{folder} is not a folder")
    faces: dict[str, list[LabelledFace]] = {}
    try:
        with boxes.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restval="")
            columns = reader.fieldnames or []
            missing = [name for name in ("name", *_BOX) if name not in columns]
            if missing:
                raise BadLabels(f"{boxes} lacks the column {', '.join(missing)} in its first line")
            marked = [name for name in _POINTS if name in columns]
            if marked and len(marked) < len(_POINTS):
                raise BadLabels(f"{boxes} has {marked[0]}, but not all ten columns of landmarks")
            for row in reader:
                where = f"{boxes}, line {reader.line_num}"
                known = faces.setdefault(_name(row, where), [])
                face = _face(row, where, bool(marked))
                if face is not None:
                    known.append(face)
    except FileNotFoundError:
        raise BadLabels(f"{boxes} does not exist") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadLabels(f"{boxes} is not a readable CSV file in UTF-8: {error}") from error
    if not faces:
        raise BadLabels(f"{boxes} names no images")
    absent = [name for name in faces if not (folder / name).is_file()]
    if absent:
        raise BadLabels(f"{folder} lacks {len(absent)} of the images: {_some(absent)}")
    return tuple(LabelledImage(folder / name, tuple(found)) for name, found in faces.items())


def _name(row: dict[str, str], where: str) -> str:
    if not row["name"]:
        raise BadLabels(f"{where}: name is empty")
    return row["name"]


def _face(row: dict[str, str], where: str, has_points: bool) -> LabelledFace | None:
    if not any(row[name].strip() for name in _BOX):
        return None
    x, y, width, height = (_number(row, name, where) for name in _BOX)
    if width <= 0 or height <= 0:
        raise BadLabels(f"{where}: w and h must be above 0; they are {width:g} and {height:g}")
    points = None
    if has_points and any(row[name].strip() for name in _POINTS):
        numbers = [_number(row, name, where) for name in _POINTS]
        points = tuple(zip(numbers[::2], numbers[1::2], strict=True))
    ignore = row.get("ignore", "").strip().lower()
    if ignore not in _YES | _NO:
        raise BadLabels(f"{where}: ignore must be 1 or 0; it is {ignore!r}")
    return LabelledFace(x, y, width, height, points, ignore in _YES)


def _number(row: dict[str, str], name: str, where: str) -> float:
    try:
        number = float(row[name])
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadLabels(f"{where}: {name} must be a number; it is {row[name]!r}")
    return number


def _some(names: Iterable[str]) -> str:
    first = list(names)[:5]
    return ", ".join(first) + (" …" if len(first) == 5 else "")
