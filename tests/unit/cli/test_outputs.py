from pathlib import Path

import pytest

from entrypoints.cli.outputs import VIDEO_COPIES, outputs_of


def test_files_of_one_name_get_outputs_of_their_own(tmp_path: Path) -> None:
    files = [Path("a/clip.mov"), Path("b/clip.mov"), Path("b/other.mov")]
    outputs = outputs_of(
        "--annotate", tmp_path, files, ending=".mp4", suffixes=VIDEO_COPIES, among=files
    )
    names = [outputs[file].name for file in files]
    assert names == ["clip.mov.mp4", "clip.mov-2.mp4", "other.mp4"]


def test_a_table_may_have_any_name(tmp_path: Path) -> None:
    clip = Path("clip.mp4")
    for name in ("frames.csv", "frames.txt", "frames"):
        outputs = outputs_of("--csv", tmp_path / name, [clip], ending=".csv", among=[clip])
        assert outputs == {clip: tmp_path / name}


def test_a_table_never_overwrites_its_video(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"a video")
    with pytest.raises(OSError, match="would overwrite"):
        outputs_of("--csv", clip, [clip], ending=".csv", among=[clip])
