"""``emotion-api models evaluate --photos`` on the command line."""

import json
from pathlib import Path

import cv2
import pytest
import skimage.data
from typer.testing import CliRunner, Result

from entrypoints.cli.commands import app
from entrypoints.settings import SETTINGS

# The face of skimage's astronaut, as people would frame it.
FACE = "174,62,100,120"
MARKS = "210,106,248,102,232,126,214,146,248,144"
HEADER = "name,x,y,w,h"
WITH_MARKS = (
    HEADER + ",reye_x,reye_y,leye_x,leye_y,nose_x,nose_y,rmouth_x,rmouth_y,lmouth_x,lmouth_y"
)


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Three images, one of them with a face."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    for name in SETTINGS:
        monkeypatch.delenv(name.upper(), raising=False)
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("astronaut", "coffee", "page"):
        cv2.imwrite(str(photos / f"{name}.png"), cv2.cvtColor(_picture(name), cv2.COLOR_RGB2BGR))
    return photos


def _picture(name: str):
    pixels = getattr(skimage.data, name)()
    return pixels if pixels.ndim == 3 else cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB)


def evaluate(*lines: str, arguments: tuple[str, ...] = ()) -> Result:
    Path("boxes.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return CliRunner().invoke(
        app, ["models", "evaluate", "--photos", "photos", "--boxes", "boxes.csv", *arguments]
    )


def figures(*lines: str, arguments: tuple[str, ...] = ()) -> dict[str, object]:
    ran = evaluate(*lines, arguments=("--json", "figures.json", *arguments))
    assert ran.exit_code == 0, ran.output
    told: dict[str, object] = json.loads(Path("figures.json").read_text())
    return told


def test_a_found_face_counts_as_found_and_nothing_else_is_false() -> None:
    told = figures(
        WITH_MARKS, f"astronaut.png,{FACE},{MARKS}", "coffee.png" + "," * 14, "page.png" + "," * 14
    )
    assert (told["images"], told["faces"], told["found"], told["false_boxes"]) == (3, 1, 1, 0)
    assert told["sizes"] == [{"from_px": 64, "below_px": 128, "faces": 1, "found": 1}]
    for share, least, most in (("mean_iou", 0.6, 1), ("landmark_error", 0, 0.1)):
        value = told[share]
        assert isinstance(value, float)
        assert least < value < most


def test_missed_faces_and_false_boxes_are_counted_separately() -> None:
    told = figures(HEADER, "astronaut.png,20,300,100,120", "coffee.png,10,10,80,90")
    assert (told["faces"], told["found"], told["false_boxes"]) == (2, 0, 1)
    assert told["mean_iou"] is None


@pytest.mark.parametrize(
    "lines", [(HEADER + ",ignore", f"astronaut.png,{FACE},1"), (HEADER, f"astronaut.png,{FACE}")]
)
def test_ignored_faces_are_neither_missed_nor_false(lines: tuple[str, ...]) -> None:
    told = figures(*lines, arguments=() if "ignore" in lines[0] else ("--min-size", "200"))
    assert (told["faces"], told["found"], told["false_boxes"]) == (0, 0, 0)


def test_the_configured_detector_is_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FACE_DETECTOR", "haar")
    ran = evaluate(HEADER, f"astronaut.png,{FACE}")
    assert ran.exit_code == 0, ran.output
    assert "Haar cascades" in ran.stdout


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (["x,y,w,h", "1,2,3,4"], "lacks the column name"),
        ([HEADER], "names no images"),
        ([HEADER, "absent.png,1,2,3,4"], "photos lacks 1 of the images: absent.png"),
        ([HEADER, "astronaut.png,1,2,wide,4"], "line 2: w must be a number; it is 'wide'"),
        ([HEADER, "astronaut.png,1,2,nan,4"], "line 2: w must be a number"),
        ([HEADER, "astronaut.png,1,2,3"], "line 2: h must be a number; it is ''"),
        ([HEADER, "astronaut.png,1,2,0,4"], "line 2: w and h must be above 0"),
        ([HEADER, ",1,2,3,4"], "line 2: name is empty"),
        ([HEADER + ",reye_x", "astronaut.png,1,2,3,4,5"], "not all ten columns"),
        ([HEADER + ",ignore", "astronaut.png,1,2,3,4,maybe"], "ignore must be 1 or 0"),
    ],
)
def test_errors_in_the_boxes_file_are_explained(lines: list[str], fault: str) -> None:
    ran = evaluate(*lines)
    assert ran.exit_code != 0
    assert fault in " ".join(ran.output.split())


def test_an_unreadable_image_is_named(folder: Path) -> None:
    (folder / "coffee.png").write_bytes(b"no photograph")
    ran = evaluate(HEADER, "coffee.png,,,,")
    assert ran.exit_code != 0
    assert "coffee.png" in ran.output


def test_a_file_without_boxes_gives_no_figures() -> None:
    ran = CliRunner().invoke(app, ["models", "evaluate", "--photos", "photos"])
    assert ran.exit_code != 0
    assert "--boxes" in ran.output
